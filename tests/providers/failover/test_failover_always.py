"""Properties of failover: whatever the models do, the tries, the waits and the answer keep to the rule."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from providers.backend import Backend, ModelSpec
from providers.backends.script import ScriptShelf
from providers.backends.scripted import ScriptedChatModel
from providers.failover.breaker import BreakerRule, Breakers
from providers.failover.budget import Budget
from providers.failover.course import Candidate, Question
from providers.failover.errors import Target
from providers.failover.failover import Failover
from providers.failover.per_loop import BackendsPerLoop
from providers.failover.retrying import Retries
from providers.prices import LOCAL, always
from providers.protocol import Allowance, LimitReachedError, ModelsFailedError, Reply

ERRORS = (None, "rate_limit", "overloaded", "timeout", "auth", "cut_stream", "empty", "malformed")
LINES = st.builds(
    lambda text, thought, error: {"content": text, "reasoning": thought, "error": error},
    st.sampled_from(["", "alpha beta gamma", "<think>hm</think>delta epsilon"]),
    st.sampled_from(["", "thought"]),
    st.sampled_from(ERRORS),
)
CHAINS = st.lists(st.lists(LINES, min_size=1, max_size=8), min_size=1, max_size=4)
WHOLE = {"", "alpha beta gamma", "delta epsilon"}
ASK = Question("reasoning", "answer", [HumanMessage("hi")])


class World:
    """Chains of scripted models that are treated as servers, with a clock that only waits move."""

    def __init__(
        self, folder: str, chain: list[list[dict[str, Any]]], retries: Retries, rule: BreakerRule
    ) -> None:
        shelf, self.now, self.waited = ScriptShelf(), 0.0, 0.0
        breakers = Breakers(rule, lambda: self.now)
        self.candidates = []
        for place, lines in enumerate(chain):
            path = Path(folder, f"{place}.jsonl")
            path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
            spec = ModelSpec("scripted", str(path))
            self.candidates.append(
                Candidate(
                    spec, always(LOCAL), Target(spec.model), tries=retries.tries, breaker=breakers.of(spec)
                )
            )
        backends = BackendsPerLoop(lambda spec, _: Backend(ScriptedChatModel(script=shelf.open(spec.model))))
        self._failover = Failover(backends, retries=retries, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.waited += seconds
        self.now += seconds

    async def ask(self, allowance: Allowance) -> tuple[Reply | None, Budget]:
        budget = Budget(allowance, started=asyncio.get_running_loop().time())
        self.waited = 0.0
        try:
            return await self._failover.answer(ASK, self.candidates, budget), budget
        except (ModelsFailedError, LimitReachedError):
            return None, budget


@given(
    chain=CHAINS,
    retries=st.builds(
        lambda tries, luck: Retries(tries, random=lambda: luck), st.integers(1, 4), st.floats(0, 1)
    ),
    failures=st.integers(1, 4),
    attempts=st.none() | st.integers(0, 6),
    pauses=st.lists(st.sampled_from([0.0, 5.0, 20.0]), min_size=1, max_size=4),
)
@settings(max_examples=60)
def test_whatever_models_do_tries_waits_and_answers_keep_to_the_rule(
    chain: list[list[dict[str, Any]]],
    retries: Retries,
    failures: int,
    attempts: int | None,
    pauses: list[float],
) -> None:
    async def play(world: World) -> None:
        for pause in pauses:
            world.now += pause
            reply, budget = await world.ask(Allowance(attempts=attempts))
            check(reply, budget, world)

    def check(reply: Reply | None, budget: Budget, world: World) -> None:
        calls = budget.calls
        assert len(calls) <= (retries.tries * len(chain) if attempts is None else attempts)
        most = [retries.most_s(has_backup=at + 1 < len(chain)) for at in range(len(chain))]
        assert world.waited <= sum(most)
        for model in {call.model_id for call in calls}:
            own = [call for call in calls if call.model_id == model]
            assert [call.attempt for call in own] == list(range(1, len(own) + 1))
            assert len(own) <= retries.tries
        if reply is None:
            assert all(call.error for call in calls)
        elif reply.partial:
            assert calls[-1].error is not None
            assert any(whole.startswith(reply.text.strip()) for whole in WHOLE), "never spliced"
        else:
            assert calls[-1].error is None
            assert all(call.error for call in calls[:-1])
            assert reply.text in WHOLE - {""}, "never spliced"

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(World(folder, chain, retries, BreakerRule(failures=failures, cool_down_s=10))))


@given(chain=CHAINS)
@settings(max_examples=40)
def test_a_breaker_alone_never_turns_an_answer_into_a_failure(chain: list[list[dict[str, Any]]]) -> None:
    """Where only the first model can answer, it is asked, however often it failed before."""

    async def play(world: World) -> None:
        for _ in range(len(chain[0])):
            await world.ask(Allowance())
        reply, budget = await world.ask(Allowance())
        assert budget.calls, "somebody is always asked"
        assert reply is not None
        assert reply.text == "alpha beta gamma"

    down: dict[str, Any] = {"error": "overloaded", "repeat": True}
    good: dict[str, Any] = {"content": "alpha beta gamma", "repeat": True}
    with tempfile.TemporaryDirectory() as folder:
        first: list[dict[str, Any]] = [{"error": "overloaded"} for _ in chain[0]]
        lines = [[*first, good], *([down] for _ in chain[1:])]
        rule = BreakerRule(failures=1, cool_down_s=10)
        asyncio.run(play(World(folder, lines, Retries(tries=1), rule)))
