"""Sorts the text that a model writes into answer, thinking and tool calls, while it streams."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from providers.mlx.forced import read_call
from providers.protocol import ModelError
from providers.runners.protocol import Piece, Request, ToolRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class StopText:
    """Ends a text at the first of some words, whose pieces may come in any cut."""

    def __init__(self, words: Sequence[str]) -> None:
        """Start before the first piece.

        Args:
            words: Each not empty.
        """
        self._words = tuple(words)
        self._held = ""
        self.hit = False

    def feed(self, text: str) -> str:
        """Take a piece and return what is certain not to be part of a word; nothing after a hit."""
        if self.hit:
            return ""
        self._held += text
        # The word that is complete first ends the text, so that it does not matter how the pieces were cut.
        ends = [(start + len(word), start) for word in self._words if (start := self._held.find(word)) >= 0]
        if ends:
            self.hit = True
            certain, self._held = self._held[: min(ends)[1]], ""
            return certain
        keep = max((self._overlap(word) for word in self._words), default=0)
        cut = len(self._held) - keep
        certain, self._held = self._held[:cut], self._held[cut:]
        return certain

    def rest(self) -> str:
        """Return what was held back in vain, at the end."""
        held, self._held = self._held, ""
        return held

    def _overlap(self, word: str) -> int:
        """Count how much of the word's beginning the text ends with."""
        longest = min(len(word) - 1, len(self._held))
        return next((size for size in range(longest, 0, -1) if self._held.endswith(word[:size])), 0)


class Output:
    """Reads one answer; mlx-lm's `TextStateMachine` knows where thinking and tool calls begin and end.

    Attributes:
        reasoning_tokens: Tokens fed while the model was thinking.
        called: Whether it called a tool.
    """

    def __init__(self, tokenizer: Any, request: Request, *, thinking: bool) -> None:  # noqa: ANN401 - untyped
        """Start before the first token.

        Args:
            tokenizer: mlx-lm's `TokenizerWrapper`.
            request: What was asked: whether tools were offered, a schema, stop words.
            thinking: Whether the prompt has already opened the thinking.
        """
        # By name: mlx-lm has no types for these, and a function in front of the module.
        library = importlib.import_module("mlx_lm.generate")
        self._tokenizer = tokenizer
        self._tools = [dict(tool) for tool in request.tools] or None
        self._machine = library.TextStateMachine
        # A call that is held to a schema comes without the marks of the model's own way.
        self._forced = bool(request.must_call)
        if self._forced or request.json_schema is not None:
            # A string of the JSON text may hold anything, tags too.
            edges = [(tokenizer.think_end, "normal")] if thinking else []
            machine = library.TextStateMachine({"normal": [], "reasoning": edges})
        else:
            machine = library.make_text_state_machine(tokenizer)
        initial = "reasoning" if thinking else tokenizer.response_initial_state or "normal"
        self._state = machine.make_state(initial)
        self._stop = StopText(request.stop)
        self._tool_text: list[str] | None = None
        self._blank = initial == "reasoning"
        self.reasoning_tokens = 0
        self.called = False

    @property
    def stopped(self) -> bool:
        """Whether a stop word has ended the answer."""
        return self._stop.hit

    def feed(self, text: str) -> Iterator[Piece]:
        """Take the text of one more token.

        Raises:
            ModelError: When a tool call cannot be read.
        """
        self._state, segments = self._machine.split(self._state, text)
        self.reasoning_tokens += self._state[0] == "reasoning"
        for state, part in segments:
            yield from self._take(state, part)

    def end(self) -> Iterator[Piece]:
        """Give out what was held back, after the last token.

        Raises:
            ModelError: When a tool call cannot be read, for instance because it was cut off.
        """
        self._state, held, state = self._machine.flush(self._state)
        yield from self._take(state, held)
        yield from self._close_tool()
        if rest := self._stop.rest():
            yield Piece(text=rest)

    def _take(self, state: str, part: str) -> Iterator[Piece]:
        if state == "tool" or (self._forced and state == "normal"):
            self._tool_text = [*(self._tool_text or []), part]
            return
        yield from self._close_tool()
        if state == "reasoning":
            self._blank = True
            if part:
                yield Piece(reasoning=part)
        elif certain := self._stop.feed(self._unpadded(part)):
            yield Piece(text=certain)

    def _unpadded(self, part: str) -> str:
        """Drop the blank lines between the thinking and the answer."""
        if self._blank:
            part = part.lstrip()
            self._blank = not part
        return part

    def _close_tool(self) -> Iterator[Piece]:
        if self._tool_text is None:
            return
        text, self._tool_text = "".join(self._tool_text), None
        if self._tools is None:
            # Nobody offered a tool, so the tags are the answer's own text.
            start, end = self._tokenizer.tool_call_start, self._tokenizer.tool_call_end or ""
            if certain := self._stop.feed(f"{start}{text}{end}"):
                yield Piece(text=certain)
            return
        self.called = True
        parser = read_call if self._forced else self._tokenizer.tool_parser
        yield Piece(tool_calls=tuple(_read_calls(parser, text, self._tools)))


def _read_calls(parser: Any, text: str, tools: list[dict[str, Any]]) -> list[ToolRequest]:  # noqa: ANN401
    """Read tool calls with the model family's own parser of mlx-lm."""
    try:
        parsed = parser(text, tools)
    except Exception:  # noqa: BLE001 - each family's parser fails in its own way
        parsed = None
    calls = parsed if isinstance(parsed, list) else [parsed]
    requests = []
    for call in calls:
        name = call.get("name") if isinstance(call, Mapping) else None
        arguments = call.get("arguments") if isinstance(call, Mapping) else None
        if not isinstance(name, str) or not isinstance(arguments, Mapping):
            raise ModelError("malformed", "its tool call cannot be read; try again or use another model.")
        requests.append(ToolRequest(name, arguments, str(call.get("id") or "")))
    if not requests:
        raise ModelError("malformed", "its tool call is empty; try again or use another model.")
    return requests
