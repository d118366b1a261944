"""What a call gave, as text: words as they are, all else named, with its kind and size."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from toolkit.mcp.plain import plain

if TYPE_CHECKING:
    from mcp.types import CallToolResult, ContentBlock

_MAX_BLOCKS: Final = 200
_MAX_NAME: Final = 200


def text_of(result: CallToolResult) -> str:
    """Put a result into words; it may be long, and is the server's own."""
    from mcp.types import TextContent  # noqa: PLC0415 - an extra

    blocks = result.content[:_MAX_BLOCKS]
    said = [_shown(block) for block in blocks]
    if len(result.content) > _MAX_BLOCKS:
        said.append(f"[{len(result.content) - _MAX_BLOCKS} more parts left out]")
    # A server that answers with a structure says the same in words, too, or should.
    if result.structuredContent is not None and not any(isinstance(block, TextContent) for block in blocks):
        said.append(json.dumps(result.structuredContent, ensure_ascii=False, separators=(",", ":")))
    return "\n".join(part for part in said if part) or "The tool gave nothing back."


def _shown(block: ContentBlock) -> str:
    from mcp import types  # noqa: PLC0415 - an extra

    if isinstance(block, types.TextContent):
        return block.text
    if isinstance(block, types.ImageContent | types.AudioContent):
        kind = "picture" if isinstance(block, types.ImageContent) else "sound"
        return f"[a {kind}, {_size(block.data)} of {_one(block.mimeType)}, not shown]"
    if isinstance(block, types.ResourceLink):
        about = f": {_one(block.description)}" if block.description else ""
        return f"[a link to {_one(block.name)}, {_one(str(block.uri))}{about}]"
    resource = block.resource
    where = _one(str(resource.uri))
    if isinstance(resource, types.TextResourceContents):
        return f"[from {where}]\n{resource.text}"
    return f"[from {where}: {_size(resource.blob)} of {_one(resource.mimeType or 'unknown kind')}, not shown]"


def _one(text: str) -> str:
    return plain(text, _MAX_NAME)


def _size(data: str) -> str:
    return f"{len(data) * 3 // 4} bytes"
