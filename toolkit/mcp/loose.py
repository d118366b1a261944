"""Answers of servers read piece by piece, so that one piece which is not MCP does not lose all others."""

from __future__ import annotations

from typing import Any, Final

from mcp.types import CallToolResult, ContentBlock, PaginatedResult, Result, TextContent, Tool
from pydantic import TypeAdapter, ValidationError

from toolkit.mcp.plain import plain

_BLOCK: Final[TypeAdapter[ContentBlock]] = TypeAdapter(ContentBlock)
_MAX_NAME: Final = 60


class LooseTools(PaginatedResult):
    """A page of tools, each as it came."""

    tools: list[Any]

    def read(self) -> tuple[list[Tool], list[str]]:
        """The tools on it, and the names of what is none."""
        found: list[Tool] = []
        broken: list[str] = []
        for each in self.tools:
            try:
                found.append(Tool.model_validate(each))
            except ValidationError:
                name = each.get("name") if isinstance(each, dict) else None
                broken.append(
                    plain(name, _MAX_NAME) if isinstance(name, str) and name else "one without a name"
                )
        return found, broken


class LooseResult(Result):
    """What a call gave, each part as it came."""

    content: list[Any]
    structuredContent: dict[str, Any] | None = None  # noqa: N815  # as MCP spells it
    isError: bool = False  # noqa: N815  # the same

    def read(self) -> CallToolResult:
        """The result, where a part that is not MCP is named and not shown."""
        return CallToolResult(
            content=[_block(each) for each in self.content],
            structuredContent=self.structuredContent,
            isError=self.isError,
        )


def _block(each: object) -> ContentBlock:
    try:
        return _BLOCK.validate_python(each)
    except ValidationError:
        kind = each.get("type") if isinstance(each, dict) else None
        said = f"of the kind {plain(kind, _MAX_NAME)}" if isinstance(kind, str) and kind else "of no kind"
        return TextContent(type="text", text=f"[a part {said}, which is not known here, not shown]")
