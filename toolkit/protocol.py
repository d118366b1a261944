"""What a tool is: what is known of it before anything is imported, its arguments, and how it is called."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, ConfigDict

Effect = Literal["read", "write", "network"]
"""What calling a tool can do: look at what is ours, change something, or tell somebody outside."""

Cost = Literal["free", "cheap", "slow", "metered"]
"""A hint: nothing to speak of, a question to a server, many seconds, or money."""

MIN_CHARS = 400
"""The least that a result is clipped to: what was left out must have room to be said."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


class ToolError(Exception):
    """A call did not work; one sentence tells the model why and what to do, and holds no secret."""


class ToolConfigError(ValueError):
    """A tool cannot be made as it was asked for; the message names what is wrong and the fix."""


class Arguments(BaseModel):
    """What a tool is called with; an argument that it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class ToolText:
    """A result and a word about it.

    Attributes:
        text: What the tool found; data, never instructions.
        note: A sentence of ours, such as how to read on; it stays when the text is clipped.
    """

    text: str
    note: str = ""


Answer: TypeAlias = str | ToolText
A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True)
class ToolInfo:
    """What is known of a tool without importing what it needs.

    Attributes:
        name: As the model calls it: a letter, then letters, digits, `_` and `-`; 64 at most.
        description: What it does, as the model reads it.
        category: A heading to list it under, such as `files`.
        effect: The worst that a call can do; see `Effect`.
        extras: Extras of the package that it needs; see `toolkit.needs.MODULES`.
        environment: Variables that must be set.
        platforms: Values of `sys.platform` where it works; none means everywhere.
        services: What `make` must be given; see `toolkit.services.Services`.
        cost: A hint; see `Cost`.
        timeout_s: Seconds until a call is given up.
        max_chars: The longest result that the model is shown.
        source: Where it comes from, such as a server's name and file; empty for what is built in.
        fingerprint: A digest of what a server announced, or of the code of a function that may change
            something, so that a tool that changed counts as another one.
    """

    name: str
    description: str
    category: str
    effect: Effect
    extras: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    cost: Cost = "free"
    timeout_s: float = 30
    max_chars: int = 20_000
    source: str = ""
    fingerprint: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ToolConfigError(
                f"name {self.name!r} cannot be that of a tool: use a letter, then letters, digits, _ and -, "
                "64 at most."
            )
        if not self.description.strip():
            raise ToolConfigError(
                f"description of the tool {self.name} is empty: say in a sentence what it does."
            )
        if self.effect not in get_args(Effect):  # a misspelt one would be called without consent
            raise ToolConfigError(
                f"effect {self.effect!r} of the tool {self.name} is unknown: use read, write or network."
            )
        if not self.timeout_s > 0:
            raise ToolConfigError(
                f"timeout_s {self.timeout_s} of the tool {self.name} must be more than 0 seconds."
            )
        if self.max_chars < MIN_CHARS:
            raise ToolConfigError(
                f"max_chars {self.max_chars} of the tool {self.name} must be {MIN_CHARS} or more."
            )


@dataclass(frozen=True)
class Tool(Generic[A]):
    """A tool that can be called; use `toolkit.running.run`, which bounds the call.

    Attributes:
        info: What is known of it.
        schema: Its arguments.
        call: Does it: a plain function, or a coroutine function. Each call has a thread of its own, so a
            plain function may block; an event loop, too, is the call's own: nothing may belong to another.
    """

    info: ToolInfo
    schema: type[A]
    call: Callable[[A], Answer | Awaitable[Answer]]

    @property
    def name(self) -> str:
        """Its name, as the model calls it."""
        return self.info.name

    def as_schema(self) -> dict[str, Any]:
        """Give what `bind_tools` of any LangChain chat model takes: a function in OpenAI's form."""
        from langchain_core.utils.json_schema import dereference_refs  # noqa: PLC0415 - heavy

        described = self.schema.model_json_schema()
        parameters = dereference_refs(described) if "$defs" in described else described
        for word in ("$defs", "title", "description"):
            parameters.pop(word, None)
        function = {
            "name": self.name,
            "description": self.info.description,
            "parameters": {"type": "object", "properties": {}} | parameters,
        }
        return {"type": "function", "function": function}


AnyTool: TypeAlias = Tool[Any]
