"""The list of keywords that decided before there was a classifier, kept as it was to compare with."""

import re
from typing import Final

from nodes.telling import asks, told
from routing.labels import Label

_MAKE: Final = (
    r"\b(?:writ|creat|implement|build|mak|cod|develop|generat|program|refactor|rewrit|add(?!ress)|fix|port|convert"
    r"|give|need)\w*"
)
_THING: Final = (
    r"\b(?:functions?|func|class(?:es)?|methods?|modules?|packages?|library|scripts?|program|code|snippet|decorator|generator"
    r"|iterator|context manager|parser|algorithm|regex|cli|dataclass|validator|python|unit ?tests?"
    r"|implementation)\b"
)
_RULES: Final[tuple[tuple[Label, str], ...]] = (
    (
        "code_review",
        r"\b(?:review|critique|audit)\b.*\b(?:code|function|class|diff|script)\b|```.*\breview\b",
    ),
    (
        "explanation",
        r"^\W*(?:explain|describe|what(?:.s| is| are| does)|why|how (?:do|does|is|are|can)|teach)\b",
    ),
    (
        "planning",
        r"^\W*(?:plan|outline|design|draft|organi[sz]e|schedule|roadmap)\b|\bstep[- ]by[- ]step plan\b",
    ),
    ("code_generation", rf"{_MAKE}.*{_THING}|^\W*implement\b"),
    ("problem_solving", r"\b(?:solve|calculate|compute|how (?:many|much|long|far)|prove|find the)\b"),
)
_OPENING: Final = re.compile(
    r"^\W*(?:(?:please|now|and|also|ok(?:ay)?|great|thanks?|thank you|then|so|but"
    r"|(?:can|could|would|will) you)\W+)+"
)


def decide(text: str) -> Label:
    """What the list makes of a text.

    Args:
        text: What the user wrote.
    """
    if told(text):
        return "knowledge_store"
    if asks(text):
        return "knowledge_retrieve"
    plain = _OPENING.sub("", text[:2000].lower())
    return next((label for label, rule in _RULES if re.search(rule, plain, re.DOTALL)), "general")
