"""Separates a model's thinking from its answer, in one piece or while it streams.

Thinking is what stands between `<think>` or `<thinking>` and the closing tag; what stands before a closing
tag that nothing opened (chat templates put the opening one into the prompt); and what follows an opening tag
that is never closed. Tags in the answer's fenced blocks and inline code are ordinary text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TAG_OR_TICK = re.compile(r"</?think(?:ing)?>|`", re.IGNORECASE)
_FENCE = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})")
_MAYBE_FENCE = re.compile(r" {0,3}(?:[`~].*)?\Z", re.DOTALL)
# Such a line is held back to its end, whatever comes.
_SURE_FENCE = re.compile(r" {0,3}[`~]")
_TAGS = ("<think>", "</think>", "<thinking>", "</thinking>")


@dataclass(frozen=True, slots=True)
class Split:
    """A model's output in its two parts.

    Attributes:
        text: The answer; unchanged when there was no thinking, else without outer blank space.
        reasoning: The thinking, empty when there was none.
    """

    text: str
    reasoning: str = ""


def split_reasoning(output: str) -> Split:
    """Split a whole output; the same as feeding it to a `ReasoningSplitter` in any pieces."""
    splitter = ReasoningSplitter()
    splitter.feed(output)
    return splitter.finish()


class ReasoningSplitter:
    """Splits an output that arrives in chunks, whose borders may fall anywhere."""

    def __init__(self, *, code_hides_tags: bool = True) -> None:
        """Start before the first chunk.

        Args:
            code_hides_tags: Whether a closing tag inside the thinking's own code is ordinary text.
        """
        self.took_back = False
        """Whether the last piece showed that all text before it was thinking, also what was shown already."""
        self._code_hides_tags = code_hides_tags
        self._held = ""
        # Of a line that may be a fence, the pieces that have come: to join them at each would take too long.
        self._line: list[str] = []
        self._was_shown = False
        self._text: list[str] = []
        self._fresh: list[str] = []
        self._thoughts: list[str] = []
        self._thought: list[str] | None = None
        # Where the open thought goes on if the first closing tag inside code was meant after all.
        self._doubtful: tuple[int, int] | None = None
        self._fence = ""
        self._line_start = True
        self._in_code = False

    def feed(self, chunk: str) -> str:
        """Take the next chunk.

        Args:
            chunk: Any piece of the output.

        Returns:
            The part of the answer that became certain, to show at once. A closing tag that nothing opened
            makes thinking of what was shown before it: then `took_back` is set.
        """
        self._begin()
        if self._line and "\n" not in chunk:
            self._line.append(chunk)
            return ""
        chunk = "".join([*self._line, chunk])
        self._line.clear()
        *lines, self._held = (self._held + chunk).split("\n")
        for line in lines:
            self._take(line + "\n")
        certain = self._certain(self._held)
        if certain:
            piece, self._held = self._held[:certain], self._held[certain:]
            self._take(piece)
        elif self._line_start and _SURE_FENCE.match(self._held):
            self._line, self._held = [self._held], ""
        return self._given()

    def rest(self) -> str:
        """Return the part of the answer that was still held back; call it after the last chunk."""
        self._begin()
        held = "".join([*self._line, self._held])
        self._held = ""
        self._line.clear()
        self._take(held)
        return self._given()

    def _begin(self) -> None:
        self._fresh.clear()
        self.took_back = False

    def _given(self) -> str:
        given = "".join(self._fresh)
        self._was_shown = self._was_shown or bool(given)
        return given

    def finish(self) -> Split:
        """Return both parts; call it once, after the last chunk."""
        self.rest()
        if self._thought is not None and self._doubtful is not None:
            return self._reopen(*self._doubtful)
        self._end_thought()
        text = "".join(self._text)
        if not self._thoughts:
            return Split(text)
        return Split(text.strip(), "\n".join(part for raw in self._thoughts if (part := raw.strip())))

    def _reopen(self, end: int, after: int) -> Split:
        """Close an endless thought at the closing tag that was first taken for code."""
        thought = "".join(self._thought or [])
        splitter = ReasoningSplitter(code_hides_tags=False)
        splitter.feed(thought[after:])
        rest = splitter.finish()
        thoughts = [*self._thoughts, thought[:end], rest.reasoning]
        text = "".join(self._text) + rest.text
        return Split(text.strip(), "\n".join(part for raw in thoughts if (part := raw.strip())))

    def _certain(self, held: str) -> int:
        """Count the characters of an unfinished line that no later chunk can turn into a tag or fence."""
        if not held or (self._line_start and _MAYBE_FENCE.match(held)):
            return 0
        start = held.rfind("<")
        if start >= 0 and any(tag.startswith(held[start:].lower()) for tag in _TAGS):
            return start
        return len(held)

    def _take(self, piece: str) -> None:
        """Consume a whole line, or a part of one that holds only whole tags."""
        if not piece:
            return
        if self._line_start:
            self._in_code = False
            piece = self._take_fence(piece)
        self._line_start = piece.endswith("\n")
        position = 0
        for found in _TAG_OR_TICK.finditer(piece):
            if found[0] == "`":
                self._in_code = not self._in_code
                continue
            if self._take_tag(found[0], piece[position : found.start()]):
                position = found.end()
        self._put(piece[position:])

    def _take_fence(self, line: str) -> str:
        """Open or close a fenced block at the start of a line; return what is left of the line."""
        found = _FENCE.match(line)
        if not found:
            return line
        mark, rest = found["mark"], line[found.end() :]
        if not self._fence:
            if mark[0] == "`" and "`" in rest:
                return line
            self._fence = mark
        elif mark.startswith(self._fence) and (not rest.strip() or rest.lstrip().startswith("</")):
            self._fence = ""
        else:
            return line
        self._put(line[: found.end()])
        return rest

    def _take_tag(self, tag: str, before: str) -> bool:
        """Act on a tag; return False when it is ordinary text."""
        closes = tag.startswith("</")
        in_code = bool(self._fence) or self._in_code
        if self._thought is not None:
            if not closes:
                return False
            if in_code and self._code_hides_tags:
                self._remember(before, tag)
                return False
            self._put(before)
            self._end_thought()
            return True
        if in_code:
            return False
        self._put(before)
        if closes:
            self._thoughts.append("".join(self._text))
            self._text.clear()
            self._fresh.clear()
            self.took_back = self.took_back or self._was_shown
            self._was_shown = False
        else:
            self._thought = []
        return True

    def _remember(self, before: str, tag: str) -> None:
        if self._doubtful is None and self._thought is not None:
            end = sum(map(len, self._thought)) + len(before)
            self._doubtful = (end, end + len(tag))

    def _end_thought(self) -> None:
        if self._thought is not None:
            self._thoughts.append("".join(self._thought))
        self._thought, self._doubtful, self._fence, self._in_code = None, None, "", False

    def _put(self, piece: str) -> None:
        if not piece:
            return
        if self._thought is not None:
            self._thought.append(piece)
            return
        self._text.append(piece)
        self._fresh.append(piece)
