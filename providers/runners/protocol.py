"""What a runner is: it loads one model into this process, generates with it, and lets it go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from providers.backend import Sampling

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

FinishReason = Literal["stop", "length", "tool_calls"]


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """What is known of a model once it is loaded.

    Attributes:
        context_tokens: Tokens that prompt and answer may have together, or None when the model does not say.
        tools: Whether it can call tools.
        json_schema: Whether its answer can be held to a JSON schema.
    """

    context_tokens: int | None = None
    tools: bool = False
    json_schema: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One conversation to go on with.

    Attributes:
        messages: In OpenAI's form; contents are text, arguments of tool calls are objects.
        tools: In OpenAI's form.
        must_call: Names of tools of which the answer must call one; empty when the model may choose. Only a
            runner with `forces_tools` is asked for that.
        max_tokens: Tokens that may come back; None leaves it to the runner.
        sampling: How to pick tokens; None in a field leaves it to the model's own advice.
        seed: Makes a sampled answer repeatable.
        stop: Texts that end the answer; they are not part of it.
        json_schema: A JSON schema that the answer must match.
        thinking: Whether the model should think first; None leaves it to the model's template.
    """

    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] = ()
    must_call: Sequence[str] = ()
    max_tokens: int | None = None
    sampling: Sampling = field(default_factory=Sampling)
    seed: int | None = None
    stop: Sequence[str] = ()
    json_schema: Mapping[str, Any] | None = None
    thinking: bool | None = None


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A tool call of the model; `id` is empty when the model gave none."""

    name: str
    arguments: Mapping[str, Any]
    id: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the answer, with whatever of it has come."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolRequest, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """The last thing that a complete answer yields.

    Attributes:
        finish_reason: Why the answer ended.
        input_tokens: Of the prompt.
        output_tokens: Of the answer, thinking and tool calls included.
        cached_tokens: Of the prompt, those that were in the cache already.
        reasoning_tokens: Of the answer, those spent on thinking.
    """

    finish_reason: FinishReason
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0


class Runner(Protocol):
    """Runs one model in this process.

    One that can hold a model to calling a tool says so by a true attribute `forces_tools`.
    """

    async def load(self, model: str) -> LoadedModel:
        """Load a model; loading the same one again returns at once.

        Args:
            model: A folder, or an id that the runner finds on this machine.

        Returns:
            What is known of it.

        Raises:
            ModelConfigError: When the package or the model is missing, or the model cannot be used.
            ModelError: When there is no room for it now.
        """
        ...

    def generate(self, request: Request) -> AsyncGenerator[Piece | End, None]:
        """Go on with a conversation; closing the generator stops the work.

        Args:
            request: What to answer, and how.

        Yields:
            Pieces as they come, and one `End` after the last.

        Raises:
            ModelError: When the model fails; `context_overflow` when the prompt is too long for it.
        """
        ...

    async def cleanup(self) -> None:
        """Let the model and its memory go; a later `load` starts afresh."""
        ...
