"""Servers that others wrote and that speak MCP: what they offer becomes tools, once the user trusts them."""

from toolkit.mcp.limits import McpLimits
from toolkit.mcp.trust import McpTrust, UntrustedError

__all__ = ["McpLimits", "McpTrust", "UntrustedError"]
