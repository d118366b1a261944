"""LangGraph's stream parts as events of ours."""

from collections.abc import Iterator
from typing import Any

from langchain_core.messages import AIMessageChunk

from graph.events import Checked, Event, NodeStarted, Noted, Restarted, Token, ToolFinished, ToolStarted
from nodes import Result, ToolUse
from providers import ReasoningSplitter
from sandbox import Check


class Translator:
    """Turns LangGraph's stream parts into events, and keeps hidden reasoning out of the tokens.

    Attributes:
        has_begun: Whether any node has run.
        result: That of the turn, once there is one.
    """

    def __init__(self) -> None:
        self._message: str | None = None
        self._node = ""
        self._splitter = ReasoningSplitter()
        self._is_shown = False
        self.has_begun = False
        self.result: Result | None = None

    def events(self, part: dict[str, Any]) -> Iterator[Event]:
        """The events that one stream part stands for, in order; often none."""
        data = part["data"]
        if part["type"] == "tasks":
            yield from self.rest()
            self._is_shown = False
            if "result" not in data:
                self.has_begun = True
                yield NodeStarted(data["name"])
        elif part["type"] == "updates":
            self._keep(data)
        elif part["type"] == "custom":
            yield from _told(data)
        elif part["type"] == "messages" and isinstance(message := data[0], AIMessageChunk):
            if message.id != self._message:
                yield from self._begin(message.id, data[1])
            yield from self._piece(self._splitter.feed(str(message.text)))

    def _piece(self, text: str) -> Iterator[Event]:
        if self._splitter.took_back and self._is_shown:
            self._is_shown = False
            yield Restarted(self._node, "what came so far was the model's thinking")
        if text:
            self._is_shown = True
            yield Token(self._node, text)

    def _begin(self, message: str | None, labels: dict[str, Any]) -> Iterator[Event]:
        """Another message begins; where the one before failed, what was held back of it is dropped."""
        if labels.get("duograph_attempt"):
            self._splitter = ReasoningSplitter()
            if self._is_shown and (reason := labels.get("duograph_restart")):
                yield Restarted(self._node, reason)
        else:
            yield from self.rest()
        self._is_shown = False
        self._message, self._node = message, labels.get("langgraph_node", "")

    def rest(self) -> Iterator[Event]:
        """The end of a message, held back until nothing could turn it into reasoning."""
        yield from self._piece(self._splitter.rest())
        self._splitter, self._message = ReasoningSplitter(), None

    def _keep(self, update: Any) -> None:  # noqa: ANN401  # whatever nodes return
        """Keep the result as soon as a node gives it: what fails afterwards cannot take it away."""
        for written in update.values() if isinstance(update, dict) else ():
            if isinstance(written, dict) and isinstance(result := written.get("result"), Result):
                self.result = result


def _told(data: dict[str, Any]) -> Iterator[Event]:
    """What nodes say while they are at work."""
    if isinstance(check := data.get("check"), Check):
        yield Checked(check)
    elif isinstance(note := data.get("note"), str):
        yield Noted(note)
    elif isinstance(use := data.get("tool_started"), ToolUse):
        yield ToolStarted(use.id, use.name, use.arguments)
    elif isinstance(use := data.get("tool_finished"), ToolUse):
        yield ToolFinished(use)
