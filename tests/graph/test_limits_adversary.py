"""The adversary of the termination tests: what models may answer, and a verifier that is quick.

The quick verifier stands in for the sandbox where thousands of turns are played. The tests below
hold it against the real one, so that what is shown with it is shown.
"""

import ast
import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from hypothesis import strategies as st

from graph.services import LazyVerifier
from graph.settings import Settings
from nodes.fences import solution_files
from sandbox import Case, Check, Evidence, Options, SourceFile
from sandbox.paths import check_paths
from tests.support import BAD, GOOD, PLAN, Lines

TESTS = "assert double(2) == 4\nassert double(-1) == -2\n"
WALL_S = 10.0


def code(body: str, *, before: str = "", path: str = "solution.py") -> str:
    return f"```python {path}\n{before}def double(x: int) -> int:\n    return {body}\n```"


HUGE = "word " * 300 + "x" * 10_000
TALK = (
    "",
    " \n",
    "I would rather not.",
    "I'm sorry, but I can't help with that.",
    HUGE,
    "<think>it never ends",
    "<think>a</think>b",
    "\x00\x1b[31m\x7f\u202e\ufeff�",
    "```",
    "{}",
)
PLANS = (
    PLAN,
    "Just double it.",
    "```python acceptance\nassert double(\n```",
    "```python acceptance\nwhile True:\n    pass\n```",
    "```python acceptance\nassert False\n```",
)
VERDICTS = (
    "VERDICT: PASS",
    "VERDICT: REVISE\nHandle None.",
    "VERDICT: PASS\nVERDICT: REVISE",
    "VERDICT: REVISE VERDICT: PASS",
    "verdict - revise",
    "VERDICT: MAYBE",
)
REVIEWS = (
    "NO FINDINGS",
    "FINDING solution.py:2 error: wrong.\n```python\nassert double(2) == 4\n```",
    "FINDING solution.py:2 warning: x\n```python\nwhile 1:\n    assert 1\n```\nFINDING solution.py:1 note: y",
    "FINDING solution.py:99 error: z\n```python\nassert (\n```\nFINDING gone.py:1 error: w",
    '[{"file": "solution.py", "line": 1, "severity": "error", "message": "m", "test": "assert double(1)"}]',
)
SOLUTIONS = (
    GOOD,
    BAD,
    code("x", before="# again\n"),
    *(code(f"x + {n}") for n in range(3, 6)),
    code("2 * abs(x)"),
    code("2 * x", before="raise ValueError\n"),
    code("2 * x", before="while True:\n    print('x' * 1000)\n"),
    code("2 * x", before="while True:\n    pass\n"),
    "```python solution.py\ndef double(x:\n```",
    f"{GOOD}\n{BAD}",
    f"{BAD}\n\n{code('2 * x', path='other.py')}",
    code("2 * x", path="../evil.py"),
    f"{code('2 * x', path='Solution.py')}\n{GOOD}",
    "```markdown README.md\nNo code.\n```",
    code("2 * x").removesuffix("```") + "# " + "x" * 10_000 + "\n```",
)
STUBBORN: Lines = [{"content": code(f"x + {n}")} for n in range(3, 15)]
"""Another failing solution at every call: neither stuck nor done, so only limits end it."""

ERRORS = (
    "rate_limit",
    "overloaded",
    "timeout",
    "auth",
    "not_found",
    "context_overflow",
    "malformed",
    "cut_stream",
    "empty",
)
TOOL_NAMES = ("echo", "echo", "echo", "remove", "remove", "hang", "flood", "search", "\x1b[31m../x y")
ARGUMENTS: tuple[dict[str, Any], ...] = (
    {"text": "x"},
    {"text": "y"},
    {"text": "z"},
    {"text": ""},
    {},
    {"q": 1},
)
_GARBAGE = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_KINDS = ("plain",) * 12 + ("error",) * 3 + ("usage",) * 3 + ("tools", "both", "delay", "thought")


CALLS = st.fixed_dictionaries(
    {"name": st.sampled_from(TOOL_NAMES), "args": st.sampled_from(ARGUMENTS)},
    optional={"id": st.sampled_from(("", "a", "a", "x" * 300))},
)


@st.composite
def callers(draw: st.DrawFn) -> Lines:
    """A script that calls tools, often for ever: the same one, others, many at once."""
    each = draw(st.sampled_from((1, 1, 2, 40)))
    names = draw(st.lists(st.sampled_from(TOOL_NAMES), min_size=1, max_size=3))
    if draw(st.booleans()):
        wanted = [{"name": names[at % len(names)], "args": {"text": str(at)}} for at in range(each * 20)]
    else:
        wanted = draw(st.lists(CALLS, min_size=each, max_size=each * 6))
    lines: Lines = [
        {"content": draw(st.sampled_from(("", "", "Let me see."))), "tool_calls": wanted[at : at + each]}
        for at in range(0, len(wanted), each)
    ]
    if draw(st.booleans()):
        at = draw(st.integers(0, len(lines)))
        lines = [*lines[:at], {"content": draw(st.sampled_from((*PLANS, *TALK)))}, *lines[at:]]
    return [*lines[:-1], lines[-1] | {"repeat": True}]


@st.composite
def replies(draw: st.DrawFn, favourites: Sequence[str]) -> dict[str, Any]:
    """One line of a script."""
    pools = (favourites, favourites, favourites, favourites, TALK, SOLUTIONS, PLANS, VERDICTS)
    line: dict[str, Any] = {"content": draw(st.sampled_from(draw(st.sampled_from(pools))) | _GARBAGE)}
    kind = draw(st.sampled_from(_KINDS))
    if kind in ("error", "both"):
        line["error"] = draw(st.sampled_from(ERRORS))
    if kind in ("usage", "both"):
        line["usage"] = draw(
            st.fixed_dictionaries(
                {
                    "input_tokens": st.sampled_from((0, 1, 50, 2_000)),
                    "output_tokens": st.sampled_from((0, 1, 50, 2_000)),
                },
                optional={"cost_usd": st.sampled_from((0.0, 0.001, 0.02, 1.0))},
            )
        )
    if kind == "delay":
        line["delay_s"] = draw(st.sampled_from((0.001, 0.01, 0.03)))
    if kind == "thought":
        line["reasoning"] = "hm"
    if kind == "tools":
        line["tool_calls"] = draw(st.lists(CALLS, min_size=1, max_size=5))
        line["content"] = draw(st.sampled_from(("", line["content"])))
    return line


@st.composite
def scripts(draw: st.DrawFn, favourites: Sequence[str]) -> Lines:
    """One script; most of them never run out."""
    lines = draw(st.lists(replies(favourites), min_size=1, max_size=6))
    if favourites is SOLUTIONS and draw(st.integers(0, 2)) == 0:
        return lines[: draw(st.integers(0, 1))] + STUBBORN
    if draw(st.integers(0, 3)):
        lines = [*lines[:-1], lines[-1] | {"repeat": True}]
    return lines


class QuickVerifier:
    """Tells what the ladder would say of the solutions above, without running anything.

    Attributes:
        told: All evidence so far, with the files it is for.
    """

    def __init__(self) -> None:
        self.told: list[tuple[list[SourceFile], Evidence]] = []

    async def verify(  # noqa: PLR0913  # as the sandbox offers it
        self,
        files: Sequence[SourceFile],
        *,
        tests: str = "",
        acceptance: str = "",
        on_check: Callable[[Check], None] | None = None,
        seconds: float | None = None,
        options: Options | None = None,
    ) -> Evidence:
        del options  # nothing of what is played here asks for more
        check_paths(files)
        modules = [file.content for file in files if file.path.endswith(".py")]
        if modules:
            left = WALL_S if seconds is None else min(seconds, WALL_S)
            checks = [check async for check in _ladder("\n".join(modules), tests, acceptance, left)]
            for check in checks:
                if on_check is not None:
                    on_check(check)
            passed = all(check.passed for check in checks if check.required)
            evidence = Evidence(status="verified" if passed else "failed", checks=checks, sandbox="quick")
        else:
            evidence = Evidence(status="not_executed", reason="the solution holds no Python file")
        self.told.append((list(files), evidence))
        return evidence


async def _ladder(source: str, tests: str, acceptance: str, seconds: float) -> AsyncIterator[Check]:
    if not _parses(source):
        yield Check(name="parse", passed=False, detail="SyntaxError")
        return
    yield Check(name="parse", passed=True)
    yield Check(name="compile", passed=True)
    if "while True" in source:
        await asyncio.sleep(seconds if seconds < 1 else 0)  # the rest of the ten seconds is not waited for
        yield Check(name="import", passed=False, detail="it took too long")
        return
    if "raise" in source:
        yield Check(name="import", passed=False, detail="ValueError")
        return
    yield Check(name="import", passed=True)
    green = False
    for name, text in (("tests", tests), ("acceptance", acceptance)):
        if text.strip() and _parses(text):
            cases = _cases(source, text)
            passed = all(case.passed for case in cases)
            detail = next((case.detail for case in cases if not case.passed), "")
            yield Check(name=name, passed=passed, detail=detail, cases=cases, required=passed or not green)
            if name == "tests" and not passed:
                return
            green = green or (name == "tests" and passed)


def _cases(source: str, text: str) -> list[Case]:
    """One case for each assertion, from the body of the main file's `double`."""
    bodies = re.findall(r"def double\(x: int\) -> int:\n    return ([^\n]*)", source)
    if not bodies:
        return [Case(name="all", passed=False, detail="NameError: double")]
    body = bodies[0]
    results = []
    for assertion in re.findall(r"^assert (.*)$", text, re.MULTILINE) or ["endless"]:
        right = {"2 * x"} | ({"2 * abs(x)"} if "(2)" in assertion or "(4)" in assertion else set())
        passed = body in right and "double" in assertion
        results.append(Case(name=assertion, passed=passed, detail="" if passed else f"{body} is not right"))
    return results


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


# The endless ones take all of their time.
ANSWERS = [
    pytest.param(answer, marks=pytest.mark.slow if "while True" in answer else (), id=str(at))
    for at, answer in enumerate(SOLUTIONS[:-1])
]


@pytest.mark.parametrize("tests", [pytest.param("", marks=pytest.mark.slow), TESTS])
@pytest.mark.parametrize("answer", ANSWERS)
async def test_the_quick_verifier_says_what_the_sandbox_says(answer: str, tests: str) -> None:
    files = solution_files(answer)
    real, quick = LazyVerifier(Settings(verify_timeout_s=0.7)), QuickVerifier()
    try:
        said = await real.verify(files, tests=tests, acceptance=TESTS)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011  # both refuse, in words of their own
            await quick.verify(files, tests=tests, acceptance=TESTS)
        return
    guessed = await quick.verify(files, tests=tests, acceptance=TESTS)
    assert guessed.status == said.status
    assert [(c.name, c.passed) for c in guessed.checks] == [
        (c.name, c.passed) for c in said.checks if c.name != "lint"
    ]
