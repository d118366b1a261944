"""What the reasoning model says about a candidate, in a form that code can act on: diagnoses and verdicts.

Models are read tolerantly: labelled lines as the prompts ask for them, JSON, or plain words.
"""

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nodes.fences import json_in

_LABELS = {
    "failed": r"(?:what\s+)?fail(?:ed|s|ure)",
    "why": r"why|(?:root\s+)?cause|reason",
    "change": r"(?:what\s+to\s+)?change|fix|repair",
    "wrong_tests": r"wrong\s+tests?",
}
_PART = re.compile(
    r"^[\s#>*_\d.)-]*(?:"
    + "|".join(f"(?P<{name}>{words})" for name, words in _LABELS.items())
    + r")[*_]*\s*:[*_]*\s*(?P<rest>.*)$",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"`([^`\n]+)`")
_VERDICT = re.compile(r"\bVERDICT\W+(PASS|REVISE|REPAIR)\b", re.IGNORECASE)
_PROBLEM = re.compile(
    r"^[\s>*\d.)-]*\**PROBLEM\b[\s\d*]*:\**\s*(?P<what>\S.*)$", re.IGNORECASE | re.MULTILINE
)


class Diagnosis(BaseModel):
    """Why a candidate failed, as the reasoning model sees it. The failure is a fact, this is advice.

    Attributes:
        failed: What failed.
        why: The cause.
        change: What to change.
        wrong_tests: The generated tests that it calls wrong, in its own words.
        words: The model's own words, where they could not be told apart into these.
    """

    model_config = ConfigDict(frozen=True)

    failed: str = ""
    why: str = ""
    change: str = ""
    wrong_tests: str = ""
    words: str = ""

    def show(self) -> str:
        """The diagnosis as the coder reads it; empty when there is none."""
        parts = (
            ("What failed", self.failed),
            ("Why", self.why),
            ("What to change", self.change),
            ("Tests that are wrong themselves", self.wrong_tests),
        )
        return "\n".join(f"{label}: {text}" for label, text in parts if text) or self.words

    def calls_wrong(self, test: str) -> bool:
        """Whether it says of a test, named as the evidence names it, that it is wrong itself."""
        named = [*_QUOTED.findall(self.wrong_tests), *map(_bare, self.wrong_tests.splitlines())]
        name = re.compile(rf"(?:assert )?{re.escape(_bare(test))}(?:[:;,)]*$|[:;,]? [(\u2013\u2014-]|[:;,] )")
        return any(name.match(_bare(each)) for each in named)


def _bare(line: str) -> str:
    """A line of a list without its mark, its quotes and its spaces."""
    return " ".join(line.lstrip("-*•> \t").replace("`", "").replace("**", "").split())


def read_diagnosis(text: str) -> Diagnosis:
    """Read a diagnosis; one without parts that can be told apart is kept in its own words."""
    value = json_in(text)
    if isinstance(value, dict):
        said = {name: _as_text(value[name]) for name in _LABELS if value.get(name)}
        return Diagnosis(**said) if said else Diagnosis(words=text.strip())
    parts: dict[str, list[str]] = {}
    into: list[str] | None = None
    for line in text.splitlines():
        if match := _PART.match(line):
            into = parts.setdefault(next(name for name in _LABELS if match[name]), [])
            line = match["rest"]  # noqa: PLW2901  # the rest of the line belongs to its label
        if into is not None:
            into.append(line)
    said = {name: "\n".join(lines).strip() for name, lines in parts.items()}
    return Diagnosis(**said) if any(said.values()) else Diagnosis(words=text.strip())


def _as_text(value: object) -> str:
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


class Opinion(BaseModel):
    """What the reasoning model makes of a candidate that every check passed.

    Attributes:
        verdict: `pass`, `revise`, or None when it gave none that can be read.
        problems: What it says is missing or wrong.
        contradiction: Why the verdict counts for nothing, or nothing.
    """

    model_config = ConfigDict(frozen=True)

    verdict: Literal["pass", "revise"] | None = None
    problems: list[str] = Field(default_factory=list)
    contradiction: str = ""


def read_opinion(text: str) -> Opinion:
    """Read a verdict; one that contradicts itself is marked, so that nobody acts on it."""
    value = json_in(text)
    if isinstance(value, dict) and "verdict" in value:
        listed = value.get("problems") or []
        problems = [_as_text(one) for one in listed] if isinstance(listed, list) else [str(listed)]
        return _judged({str(value["verdict"]).upper()}, problems, prose="")
    problems = [match["what"].strip() for match in _PROBLEM.finditer(text)]
    said = {match[1].upper() for match in _VERDICT.finditer(text)}
    return _judged(said, problems, prose=_VERDICT.sub("", text).strip().lstrip("*_.:- \n").rstrip("*_ \n"))


def _judged(said: set[str], problems: Sequence[str], *, prose: str) -> Opinion:
    """Hold the verdict against itself."""
    passes, revises = "PASS" in said, bool(said & {"REVISE", "REPAIR"})
    if passes and revises:
        return Opinion(problems=list(problems), contradiction="it says both PASS and REVISE")
    if passes and problems:
        return Opinion(problems=list(problems), contradiction="it says PASS and lists problems")
    if revises and not problems and not prose:
        return Opinion(contradiction="it says REVISE and names no problem")
    if revises:
        return Opinion(verdict="revise", problems=list(problems) or [prose])
    return Opinion(verdict="pass" if passes else None)
