"""The JSONL files behind `scripted:FILE`: their lines, checked strictly, and the place in each."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, StringConstraints, ValidationError

from providers.protocol import ModelConfigError, ModelError

PlayedError = Literal[
    "rate_limit",
    "overloaded",
    "timeout",
    "auth",
    "not_found",
    "context_overflow",
    "malformed",
    "cut_stream",
    "empty",
]

_LARGEST_FILE = 64 * 1024 * 1024


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ScriptedToolCall(_Strict):
    """A tool call in LangChain's form; an absent `id` is made from the call's place."""

    name: Annotated[str, StringConstraints(min_length=1)]
    args: dict[str, Any] = Field(default_factory=dict)
    id: str | None = None


class ScriptedUsage(_Strict):
    """What the reply claims to have used; without `cost_usd` it costs nothing."""

    input_tokens: NonNegativeInt = 0
    output_tokens: NonNegativeInt = 0
    cost_usd: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class ScriptedReply(_Strict):
    """One line of a script.

    Attributes:
        content: The answer, streamed word by word.
        reasoning: The thinking, given as `additional_kwargs["reasoning_content"]`.
        tool_calls: Tool calls of the answer.
        usage: Token counts and money, or None to report none; a `cut_stream` reports it too.
        delay_s: Seconds to wait before the first token.
        error: The failure to play instead; `cut_stream` streams half of `content` first.
        repeat: Whether to play this line again and again once the lines are used up.
        step: `route` for a line that says what a request is; only that question takes it, and it no other.
    """

    content: str = ""
    reasoning: str = ""
    tool_calls: list[ScriptedToolCall] = Field(default_factory=list)
    usage: ScriptedUsage | None = None
    delay_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 0.0
    error: PlayedError | None = None
    repeat: bool = False
    step: Literal["route"] | None = None


class Script:
    """A file's replies and how many were taken; safe to share between threads and loops."""

    def __init__(self, path: Path) -> None:
        """Read and check the whole file.

        Args:
            path: A JSONL file in UTF-8; blank lines are skipped.

        Raises:
            ModelConfigError: When it cannot be read, is empty, or a line is wrong.
        """
        self.path = path
        replies = _load(path)
        self.priced = any(reply.usage and reply.usage.cost_usd is not None for reply in replies)
        self.calls_tools = any(reply.tool_calls for reply in replies)
        self._lines = _Lines(path, [reply for reply in replies if reply.step is None])
        self._routes = _Lines(path, [reply for reply in replies if reply.step == "route"])
        self._lock = threading.Lock()

    @property
    def routes(self) -> bool:
        """Whether any line says what a request is."""
        return bool(self._routes.replies)

    def take(self, step: str | None = None) -> tuple[int, ScriptedReply]:
        """Take the next reply.

        Args:
            step: What the answer is for.

        Returns:
            The call's number, counted from 1, and its reply.

        Raises:
            ModelError: When the lines are used up and none repeats.
        """
        with self._lock:
            return (self._routes if step == "route" else self._lines).take()


class _Lines:
    """The replies that questions of one sort take in turn."""

    def __init__(self, path: Path, replies: list[ScriptedReply]) -> None:
        self.replies = replies
        self._path = path
        self._repeated = next((reply for reply in reversed(replies) if reply.repeat), None)
        self._taken = 0

    def take(self) -> tuple[int, ScriptedReply]:
        self._taken += 1
        if self._taken <= len(self.replies):
            return self._taken, self.replies[self._taken - 1]
        if self._repeated is not None:
            return self._taken, self._repeated
        raise ModelError(
            "unknown",
            f"{self._path} is used up: it holds {len(self.replies)}, this is call {self._taken}; "
            'add a line, or "repeat": true to one.',
        )


class ScriptShelf:
    """Opens each file once, so that all roles on one file take its lines in the order of their calls."""

    def __init__(self) -> None:
        """Start with no file open."""
        self._scripts: dict[Path, Script] = {}
        self._lock = threading.Lock()

    def open(self, file: str) -> Script:
        """Return the file's cursor; reads the file the first time, so never call it on an event loop.

        Args:
            file: A path; `~` is the home folder, a relative path starts at the working directory.

        Raises:
            ModelConfigError: When the file cannot be used.
        """
        try:
            path = Path(file).expanduser().resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise ModelConfigError(f"scripted:{file} is not a usable path: {error}.") from None
        with self._lock:
            if path not in self._scripts:
                self._scripts[path] = Script(path)
            return self._scripts[path]


def _load(path: Path) -> list[ScriptedReply]:
    try:
        if path.is_file() and path.stat().st_size > _LARGEST_FILE:
            raise ModelConfigError(f"The script {path} is larger than 64 MiB; split it.")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelConfigError(
            f"The script {path} is not UTF-8 at byte {error.start}; save it as UTF-8."
        ) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ModelConfigError(f"The script {path} cannot be read: {reason}; check scripted:FILE.") from None
    lines = text.split("\n")
    replies = [_reply(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not replies:
        raise ModelConfigError(f"The script {path} holds no reply; write one JSON object per line.")
    return replies


def _reply(path: Path, number: int, line: str) -> ScriptedReply:
    try:
        return ScriptedReply.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        problem = f"field {field!r} is unknown; known: {', '.join(ScriptedReply.model_fields)}"
    elif field:
        problem = f"field {field!r}: {first['msg']}"
    else:
        problem = first["msg"]
    raise ModelConfigError(f"The script {path}, line {number}: {problem}.")
