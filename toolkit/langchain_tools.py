"""LangChain's tools as tools of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from toolkit.protocol import AnyTool, Tool, ToolConfigError, ToolInfo

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from toolkit.protocol import Effect

_TIMEOUT_S = 30.0


def tool_of_langchain(given: BaseTool, *, effect: Effect | None = None) -> AnyTool:
    """Make a tool of one of LangChain's.

    Args:
        given: The tool; its arguments must be a pydantic 2 model.
        effect: The worst that a call can do, or None for what its `metadata["effect"]` says, else `write`.

    Raises:
        ToolConfigError: When its arguments are no such model, or its name or description cannot be used.
    """
    schema = given.get_input_schema()
    if not isinstance(given.args_schema, type) or not issubclass(schema, BaseModel):
        raise ToolConfigError(
            f"The tool {given.name!r} cannot be used: its arguments are no model of pydantic 2."
        )
    declared = (given.metadata or {}).get("effect", "write") if effect is None else effect
    if declared not in ("read", "write", "network"):
        raise ToolConfigError(
            f"The effect {declared!r} of the tool {given.name!r} is unknown: use read, write or network."
        )
    info = ToolInfo(
        name=given.name,
        description=given.description,
        category="own",
        effect=cast("Effect", declared),
        timeout_s=_TIMEOUT_S,
    )

    async def call(arguments: BaseModel) -> str:
        answer: Any = await given.ainvoke({name: getattr(arguments, name) for name in schema.model_fields})
        return answer if isinstance(answer, str) else str(answer)

    return Tool(info, schema, call)
