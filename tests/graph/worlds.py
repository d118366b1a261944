"""Worlds that a turn may meet: what models answer, what is asked, which limits hold."""

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from tests.graph.test_limits_adversary import (
    PLANS,
    REVIEWS,
    SOLUTIONS,
    TESTS,
    VERDICTS,
    callers,
    scripts,
)
from tests.support import ASK, Lines

DIFF = "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n def double(x):\n-    return x\n+    return 2 * x\n"
MOST_ANSWERS = 60
"""More than any turn asks for: three for a plan, and three for each round of tool calls."""


@dataclass(frozen=True)
class Ask:
    """One turn: what is asked, with which limits, and the step limit that the client sends."""

    text: str
    context: dict[str, Any]
    recursion_limit: int | None
    answers: tuple[Any, ...] = ()


@dataclass(frozen=True)
class World:
    """Two turns on one thread, and the models that answer them; a chain's "offline" is the cookbook."""

    reasoning: list[Lines | str]
    coding: list[Lines | str]
    turns: tuple[Ask, Ask]
    model_timeout_s: float = 120.0
    sqlite: bool = False
    chains_per_run: bool = False
    has_tools: bool = False
    route: dict[str, Any] | None = None


_LIMITS: dict[str, st.SearchStrategy[Any]] = {
    "max_repairs": st.integers(0, 10),
    "max_model_calls": st.integers(1, 12),
    "max_input_tokens": st.sampled_from((1, 300, 600, 1_000, 3_000, 20_000)),
    "max_output_tokens": st.sampled_from((1, 20, 40, 80, 200, 4_000, 20_000)),
    "max_cost_usd": st.sampled_from((0.0, 0.001, 0.01, 0.5)),
    "turn_timeout_s": st.sampled_from((1e-6, 0.005, 0.02, 0.05, 86_400.0)),
    "recursion_limit": st.integers(1, 12) | st.integers(1, 200),
    "plan_approval": st.just(True),  # noqa: FBT003  # the value of a setting
    "max_tool_rounds": st.integers(0, 12),
    "max_tool_calls": st.integers(0, 12),
    "consent": st.sampled_from(("ask", "ask", "allow", "refuse")),
}
ANSWERS = st.lists(
    st.sampled_from(
        (
            "approve",
            {"decision": "edit", "plan": PLANS[0]},
            {"decision": "edit", "plan": "Other."},
            {"decision": "reject"},
            "what?",
            {"decision": "edit", "plan": PLANS[2]},
            [],
            False,
        )
    ),
    min_size=3,
    max_size=3,
).map(tuple)
_REQUESTS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    (
        *({"text": ASK, "tests": tests} for tests in ("", "", "", TESTS, TESTS, TESTS)),
        {"text": "now handle None", "tests": ""},
        {"text": "What is a monad?", "tests": ""},
        *({"text": f"Review this code:\n{code}"} for code in SOLUTIONS[:-1:5]),
        {"text": "review this", "code": [{"path": "a.py", "content": "x = 1\n"}], "tests": TESTS},
        {"text": "review this", "code": [{"path": "../a.py", "content": "x = 1\n"}]},
        {"text": f"review this\n{DIFF}"},
        {"text": "review it"},
        {"text": ASK, "task": "general"},
        {"text": ASK, "tests": "def broken("},
        {"text": " "},
    )
)


@st.composite
def asks(draw: st.DrawFn, requests: st.SearchStrategy[dict[str, Any]] = _REQUESTS) -> Ask:
    """A turn with up to three limits, and repairs enough to meet them."""
    struck = draw(st.sets(st.sampled_from(sorted(_LIMITS)), max_size=3))
    limits = {name: draw(_LIMITS[name]) for name in sorted(struck)}
    request = dict(draw(requests))
    text, recursion_limit = request.pop("text"), limits.pop("recursion_limit", None)
    more: dict[str, Any] = draw(st.sampled_from(({}, {"max_repairs": 6}, {"plan_approval": True})))
    chosen = more | request | limits
    return Ask(text, chosen, recursion_limit, draw(ANSWERS))


def chains(favourites: tuple[str, ...]) -> st.SearchStrategy[list[Lines | str]]:
    def model(kind: int) -> st.SearchStrategy[Lines | str]:
        return scripts(favourites) if kind else st.just("offline")

    return st.lists(st.integers(0, 9).flatmap(model), min_size=1, max_size=3)


_ROUTES: tuple[dict[str, Any], ...] = (
    {"content": "code_generation"},
    {"content": '{"task": "planning"}'},
    {"content": "I would rather talk. " * 50},
    {"error": "rate_limit"},
    {"error": "cut_stream", "content": "code_generation"},
)
"""What a model says when it is asked what a request is, because the classifier abstains."""

WORLDS = st.builds(
    World,
    reasoning=chains(PLANS + VERDICTS + REVIEWS) | chains(REVIEWS),
    coding=chains(SOLUTIONS),
    turns=st.tuples(asks(), asks()),
    model_timeout_s=st.sampled_from((120.0,) * 6 + (0.005,)),
    sqlite=st.sampled_from((False,) * 9 + (True,)),
    chains_per_run=st.sampled_from((False, False, False, True)),
    has_tools=st.booleans(),
    route=st.none() | st.sampled_from(_ROUTES),
)
_GOOD = [{"path": "solution.py", "content": "def double(x: int) -> int:\n    return 2 * x\n"}]
_REVIEWED = asks(st.just({"text": "review this", "code": _GOOD}))
REVIEW_WORLDS = st.builds(
    World,
    reasoning=st.lists(st.sampled_from(REVIEWS[1:]), min_size=2, max_size=2).map(
        lambda said: [[{"content": words} for words in said]]
    ),
    coding=st.just(["offline"]),
    turns=st.tuples(_REVIEWED, _REVIEWED),
)
"""Reviews whose findings mostly bring tests."""

_TOOLED = asks(st.sampled_from(({"text": "What is a monad?"}, {"text": ASK, "tests": TESTS}))).flatmap(
    lambda ask: st.sampled_from(("ask", "allow", "refuse")).map(
        lambda consent: replace(ask, context={"consent": consent} | ask.context)
    )
)
TOOL_WORLDS = st.builds(
    World,
    reasoning=st.lists(callers(), min_size=1, max_size=2)
    | st.tuples(callers(), st.just("offline")).map(list),
    coding=st.just([[{"content": SOLUTIONS[0], "repeat": True}]]),
    turns=st.tuples(_TOOLED, _TOOLED),
    sqlite=st.sampled_from((False,) * 3 + (True,)),
    has_tools=st.just(True),  # noqa: FBT003  # the value of a field
)
"""Models that call tools for ever, and people who consent or do not."""
