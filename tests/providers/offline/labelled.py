"""The labelled requests beside this file."""

from pathlib import Path


def lines(name: str) -> list[str]:
    """Read the lines that are neither blank nor comments; `\\n` in a line stands for a line break."""
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return [line.replace("\\n", "\n") for line in text.splitlines() if line and not line.startswith("#")]


def paraphrases() -> list[tuple[str, str]]:
    """List slug and request of each paraphrase."""
    return [
        (slug, request) for slug, _, request in (line.partition(" | ") for line in lines("paraphrases.txt"))
    ]


def negatives() -> list[str]:
    """List the requests that no recipe answers."""
    return lines("negatives.txt")
