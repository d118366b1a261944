"""The local tier of routing."""

import re
from dataclasses import dataclass

from nodes.context import Subject, Task

_MAKE = (
    r"\b(?:writ|creat|implement|build|mak|cod|develop|generat|program|refactor|rewrit|add(?!ress)|fix|port|convert"
    r"|give|need)\w*"
)
_THING = (
    r"\b(?:functions?|func|class(?:es)?|methods?|modules?|packages?|library|scripts?|program|code|snippet|decorator|generator"
    r"|iterator|context manager|parser|algorithm|regex|cli|dataclass|validator|python|unit ?tests?"
    r"|implementation)\b"
)
_RULES: tuple[tuple[Task, str], ...] = (
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

_OPENING = re.compile(
    r"^\W*(?:(?:please|now|and|also|ok(?:ay)?|great|thanks?|thank you|then|so|but"
    r"|(?:can|could|would|will) you)\W+)+"
)


@dataclass(frozen=True, slots=True)
class RuleGuess:
    label: Task
    subject: Subject = "general"
    confidence: float = 0.5
    is_sure: bool = True


class LocalClassifier:
    def sort(self, text: str, *, has_code: bool) -> RuleGuess:
        plain = _OPENING.sub("", text[:2000].lower())
        found: Task = next((task for task, rule in _RULES if re.search(rule, plain, re.DOTALL)), "general")
        return RuleGuess(found, is_sure=found != "general")
