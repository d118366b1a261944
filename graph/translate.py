"""LangGraph's stream parts as events of ours."""

from collections.abc import Iterator
from typing import Any

from langchain_core.messages import AIMessageChunk

from graph.events import Checked, Event, NodeStarted, Noted, Token
from nodes import Result
from providers import ReasoningSplitter
from sandbox import Check


class Translator:
    """Turns LangGraph's stream parts into events, and keeps hidden reasoning out of the tokens."""

    def __init__(self) -> None:
        self._message: str | None = None
        self._node = ""
        self._splitter = ReasoningSplitter()
        self.result: Result | None = None

    def events(self, part: dict[str, Any]) -> Iterator[Event]:
        """The events that one stream part stands for, in order; often none."""
        data = part["data"]
        if part["type"] == "tasks":
            yield from self.rest()
            if "result" not in data:
                yield NodeStarted(data["name"])
        elif part["type"] == "updates":
            self._keep(data)
        elif part["type"] == "custom":
            if isinstance(check := data.get("check"), Check):
                yield Checked(check)
            elif isinstance(note := data.get("note"), str):
                yield Noted(note)
        elif part["type"] == "messages" and isinstance(message := data[0], AIMessageChunk):
            if message.id != self._message:
                yield from self.rest()
                self._message, self._node = message.id, data[1].get("langgraph_node", "")
            if text := self._splitter.feed(str(message.text)):
                yield Token(self._node, text)

    def rest(self) -> Iterator[Event]:
        """The end of a message, held back until nothing could turn it into reasoning."""
        if text := self._splitter.rest():
            yield Token(self._node, text)
        self._splitter, self._message = ReasoningSplitter(), None

    def _keep(self, update: Any) -> None:  # noqa: ANN401  # whatever nodes return
        """Keep the result as soon as a node gives it: what fails afterwards cannot take it away."""
        for written in update.values() if isinstance(update, dict) else ():
            if isinstance(written, dict) and isinstance(result := written.get("result"), Result):
                self.result = result
