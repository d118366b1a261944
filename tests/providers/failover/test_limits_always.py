"""Properties of limits: whatever the script and the allowance, no limit is exceeded."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk, HumanMessage

from providers import Allowance, Call, LimitReachedError, ModelError, ModelsFailedError, Price, RoleModels
from providers.failover.budget import Budget
from providers.failover.estimate import input_tokens, size, tokens
from providers.prices import always, cost_usd

ASK = [HumanMessage("what is asked here")]
NEEDED = input_tokens(ASK)
WORDS = st.text("ab é\n", max_size=40)
ERRORS = st.sampled_from([None, None, "rate_limit", "cut_stream", "empty", "malformed", "timeout"])


@st.composite
def lines(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a line of a script whose report of tokens is not above what really streams."""
    line: dict[str, Any] = {"content": draw(WORDS), "reasoning": draw(WORDS), "error": draw(ERRORS)}
    if draw(st.booleans()):
        most = tokens(len((line["content"] + line["reasoning"]).encode()))
        line["usage"] = {
            "input_tokens": draw(st.integers(0, NEEDED)),
            "output_tokens": draw(st.integers(0, most)),
            "cost_usd": draw(st.sampled_from([None, 0.0, 0.1, 0.5])),
        }
    return line


def _left(largest: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(0, largest)


ALLOWANCES = st.builds(
    Allowance,
    attempts=_left(4),
    input_tokens=_left(4 * NEEDED),
    output_tokens=_left(40),
    cost_usd=st.none() | st.sampled_from([0.0, 0.1, 0.3, 0.6]),
    seconds=st.sampled_from([None, 600.0, 600.0, 0.0]),
    skip=st.integers(0, 4),
)


async def _calls(models: RoleModels, allowance: Allowance) -> list[Call]:
    try:
        reply = await models.reply("coding", ASK, step="code", allowance=allowance)
    except (LimitReachedError, ModelsFailedError) as end:
        return end.calls
    assert reply.calls[-1].error is None
    return reply.calls


@given(script=st.lists(lines(), min_size=1, max_size=4), allowance=ALLOWANCES)
@settings(max_examples=75)
def test_whatever_happens_no_limit_is_exceeded_by_more_than_a_chunk(
    script: list[dict[str, Any]], allowance: Allowance
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for place, line in enumerate(script):
            path = Path(folder, f"{place}.jsonl")
            path.write_text(json.dumps(line), encoding="utf-8")
            names.append(f"scripted:{path}")
        models = RoleModels({"coding": ",".join(names)})
        calls = asyncio.run(_calls(models, allowance))
    skipped = min(allowance.skip, len(script) - 1)
    assert [f"scripted:{call.model_id}" for call in calls] == names[skipped : skipped + len(calls)]
    if allowance.seconds == 0.0:
        assert calls == []
    if allowance.attempts is not None:
        assert len(calls) <= allowance.attempts
    if allowance.input_tokens is not None:
        assert sum(call.input_tokens or 0 for call in calls) <= allowance.input_tokens
    if allowance.output_tokens is not None:
        received = sum(call.output_tokens or 0 for call in calls)
        chunk = max(tokens(len(text.encode())) for line in script for text in _pieces(line))
        assert received <= allowance.output_tokens + chunk
    # What a line of a script costs is known only when it was played.
    spent = [call.cost_usd or 0.0 for call in calls]
    if allowance.cost_usd is not None and spent and spent[-1]:
        assert sum(spent[:-1]) < allowance.cost_usd


def _pieces(line: dict[str, Any]) -> list[str]:
    """Return the chunks in which the scripted model streams a line."""
    return [line["reasoning"], *re.findall(r"\s*\S+|\s+", line["content"])]


@given(
    price=st.builds(
        Price,
        st.floats(0, 100, allow_subnormal=False),
        st.floats(0, 500, allow_subnormal=False),
        st.just("x"),
    ),
    money=st.floats(0, 0.01),
    needed=st.integers(8, 2000),
    pieces=st.lists(st.text(min_size=1, max_size=12), max_size=30),
)
def test_money_is_exceeded_by_one_chunk_at_most(
    price: Price, money: float, needed: int, pieces: list[str]
) -> None:
    budget = Budget(Allowance(cost_usd=money), started=0.0)
    try:
        attempt = budget.admit(needed, always(price), now=1e9)
    except LimitReachedError:
        assert cost_usd(price, needed, 1) > money
        return
    attempt.sent = True
    last = 0
    for piece in pieces:
        chunk = AIMessageChunk(content=piece)
        last = size(chunk)
        attempt.count(chunk)
        try:
            attempt.check_room()
        except ModelError:
            assert attempt.struck == "cost"
            break
    spent = attempt.usage("cut_stream")["cost_usd"]
    assert spent <= money + cost_usd(price, 0, tokens(last) + 1) + 1e-9
