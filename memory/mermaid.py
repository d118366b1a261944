"""Flowcharts in the language of Mermaid, in which no text can be anything but text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Mermaid reads Markdown, HTML, icons and its own words in a label; as a numbered entity each sign is itself.
_SIGN: Final = re.compile(r"[^\w ,?!]|_")


class Box(NamedTuple):
    """A node.

    Attributes:
        text: What stands in it.
        shape: The brackets around the text, as Mermaid has them.
        style: The name of how it looks.
    """

    text: str
    shape: tuple[str, str]
    style: str


class Arrow(NamedTuple):
    """An edge.

    Attributes:
        start: The number of a node.
        end: The number of another one.
        text: What stands at it.
        line: How Mermaid writes it, such as `-->`.
    """

    start: int
    end: int
    text: str
    line: str


def flowchart(boxes: Sequence[Box], arrows: Sequence[Arrow], styles: Mapping[str, str]) -> str:
    """Write a graph down, from left to right.

    Args:
        boxes: The nodes; the first one has the number 0.
        arrows: Between them.
        styles: How each style looks, in CSS.
    """
    lines = ["graph LR"]
    for number, box in enumerate(boxes):
        left, right = box.shape
        lines.append(f'  n{number}{left}"{escaped(box.text)}"{right}:::{box.style}')
    lines += [f"  n{arrow.start} {arrow.line}|{escaped(arrow.text)}| n{arrow.end}" for arrow in arrows]
    used = {box.style for box in boxes}
    lines += [f"  classDef {name} {css}" for name, css in styles.items() if name in used]
    return "\n".join(lines)


def escaped(text: str) -> str:
    """A text of one line as Mermaid shows it unchanged; what cannot be shown becomes a blank."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return _SIGN.sub(lambda found: f"#{ord(found[0])};", shown)
