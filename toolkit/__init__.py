"""What the reasoning model may call: tools, what is known of them, and calls that are bounded."""

from toolkit.protocol import AnyTool, Arguments, Tool, ToolConfigError, ToolError, ToolInfo, ToolText

__all__ = ["AnyTool", "Arguments", "Tool", "ToolConfigError", "ToolError", "ToolInfo", "ToolText"]
