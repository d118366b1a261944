"""Each mode of the benchmark asks what it says, in the stock graph's nodes, within a bound of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from graph.settings import Settings
from nodes import Status
from providers import RoleModels
from serving.bench import MODES
from serving.bench.modes import WAYS
from serving.bench.play import Bench, open_bench, play_all
from serving.bench.tasks import BenchTask
from tests.support import ASK, BAD, GOOD, PLAN

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from langchain_core.messages import BaseMessage

    from providers import Reply, Role, Step
    from serving.bench.records import Record
    from tests.support import Lines

    OpenBench = Callable[..., Awaitable[Bench]]

WHY = {"content": "It forgot to multiply.", "repeat": True}
TASK = BenchTask(
    id="double", prompt=ASK, tests="assert double(2) == 4", hidden_tests="assert double(-3) == -6"
)
EXPECTED = {
    "solo": (False, "not_executed", ["code"]),
    "split": (False, "not_executed", ["plan", "code"]),
    "split+verify": (False, "failed", ["plan", "code"]),
    "full": (True, "verified", ["plan", "code", "diagnose", "code"]),
}
"""What a coder that is wrong first and right second comes to: right, evidence, model calls."""


@pytest.fixture
def make_bench(script: Callable[[str, Lines], str]) -> OpenBench:
    async def make(reasoning: Lines, coding: Lines, **settings: object) -> Bench:
        chains = {
            "reasoning_model": script("reasoning", reasoning),
            "coding_model": script("coding", coding),
        }
        return await open_bench(MODES, Settings(**(chains | settings)))

    return make


def test_every_mode_but_the_stock_graph_is_a_line() -> None:
    assert set(WAYS) | {"full"} == set(MODES)


@pytest.mark.parametrize("mode", MODES)
async def test_a_mode_adds_one_thing_to_the_one_before(make_bench: OpenBench, mode: str) -> None:
    correct, verification, steps = EXPECTED[mode]
    reasoning = [{"content": PLAN}, WHY]
    bench = await make_bench(reasoning, [{"content": BAD}, {"content": GOOD, "repeat": True}])
    record = await bench.play(mode, TASK)
    assert (record.correct, record.verification, record.calls) == (correct, verification, len(steps))
    assert record.repairs == (1 if mode == "full" else 0)
    assert bench.bounds[mode].cycles == ([] if mode != "full" else bench.bounds["full"].cycles)


@pytest.mark.parametrize("mode", MODES)
async def test_a_right_answer_is_right_in_every_mode(make_bench: OpenBench, mode: str) -> None:
    bench = await make_bench([{"content": PLAN}, WHY], [{"content": GOOD}])
    assert (await bench.play(mode, TASK)).correct is True


@pytest.mark.parametrize("mode", MODES)
async def test_no_mode_uses_more_than_its_bound(make_bench: OpenBench, mode: str) -> None:
    worse = [{"content": BAD.replace("return x", f"return {n} * x - {n}")} for n in range(3, 9)]
    bench = await make_bench([{"content": PLAN}, WHY], worse)
    record = await bench.play(mode, TASK)
    bound = bench.bounds[mode]
    assert record.correct is False
    assert 0 < record.calls <= bound.model_calls
    # A line has no slack: its bound is what it uses.
    assert mode == "full" or record.calls == bound.model_calls


@pytest.mark.parametrize("mode", MODES)
async def test_no_mode_waits_for_a_plan_to_be_approved(make_bench: OpenBench, mode: str) -> None:
    usual = await make_bench([{"content": PLAN}, WHY], [{"content": GOOD}])
    bench = await make_bench([{"content": PLAN}, WHY], [{"content": GOOD}], plan_approval=True)
    record = await bench.play(mode, TASK)
    assert (record.correct, record.problem) == (True, "")
    assert bench.bounds[mode] == usual.bounds[mode]


async def test_the_bounds_grow_from_mode_to_mode(make_bench: OpenBench) -> None:
    bounds = (await make_bench([{"content": "x"}], [{"content": "x"}])).bounds
    assert [bounds[mode].model_calls for mode in MODES] == [1, 2, 2, 7]
    assert [bounds[mode].sandbox_runs for mode in MODES] == [0, 0, 1, 3]
    assert [bounds[mode].supersteps for mode in MODES] == [5, 6, 7, 15]


async def test_hidden_tests_judge_what_the_visible_ones_let_pass(make_bench: OpenBench) -> None:
    always_four = "```python solution.py\ndef double(x: int) -> int:\n    return 4\n```"
    bench = await make_bench([{"content": PLAN.split("\n", maxsplit=1)[0]}, WHY], [{"content": always_four}])
    record = await bench.play("full", TASK)
    assert (record.status, record.verification, record.correct) == (Status.DONE, "verified", False)
    assert "double(-3) == -6" in record.problem


async def test_without_hidden_tests_the_visible_ones_judge(make_bench: OpenBench) -> None:
    bench = await make_bench([{"content": PLAN}], [{"content": BAD, "repeat": True}])
    assert (await bench.play("solo", TASK.model_copy(update={"hidden_tests": ""}))).correct is False


class Listener(RoleModels):
    """The real models, and a note of everything that they were asked."""

    def __init__(self, chains: Mapping[Role, str]) -> None:
        super().__init__(chains)
        self.heard: list[str] = []

    async def reply(
        self,
        role: Role,
        messages: Sequence[BaseMessage],
        *,
        step: Step,
        **options: Any,  # noqa: ANN401  # whatever the contract grows
    ) -> Reply:
        self.heard += [str(message.text) for message in messages]
        return await super().reply(role, messages, step=step, **options)


@pytest.mark.parametrize("mode", MODES)
async def test_no_model_sees_a_hidden_test(script: Callable[[str, Lines], str], mode: str) -> None:
    coding = [{"content": BAD}, {"content": BAD.replace("return x", "return -x")}, {"content": GOOD}]
    chains: dict[Role, str] = {
        "reasoning": script("reasoning", [{"content": PLAN.replace("-1", "-7").replace("-2", "-14")}, WHY]),
        "coding": script("coding", coding),
    }
    models = Listener(chains)
    await (await open_bench([mode], Settings(), models)).play(mode, TASK)
    assert any("double(2) == 4" in text for text in models.heard)
    assert not any("-6" in text for text in models.heard)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("No.", "no Python file"),
        ("```text notes.txt\ndouble\n```", "no Python file"),
        ("```python ../up.py\ndef double(x):\n    return 2 * x\n```", "up.py"),
        ("```python solution.py\ndef double(x:\n```", "parse"),
    ],
)
@pytest.mark.parametrize("mode", MODES)
async def test_what_cannot_be_run_is_wrong(
    make_bench: OpenBench, mode: str, answer: str, problem: str
) -> None:
    bench = await make_bench([{"content": PLAN}, WHY], [{"content": answer, "repeat": True}])
    record = await bench.play(mode, TASK)
    assert record.correct is False
    assert problem in record.problem


async def test_a_model_that_fails_is_not_counted_as_wrong(make_bench: OpenBench) -> None:
    bench = await make_bench([{"content": PLAN}], [{"error": "auth", "repeat": True}])
    record = await bench.play("solo", TASK)
    assert (record.correct, record.status) == (None, Status.FAILED)
    assert "auth" in record.problem


async def test_a_limit_is_an_answer_that_is_wrong(make_bench: OpenBench) -> None:
    bench = await make_bench([{"content": PLAN}, WHY], [{"content": GOOD}], max_model_calls=1)
    records = {mode: await bench.play(mode, TASK) for mode in ("split", "solo")}
    assert (records["split"].correct, records["split"].stop_reason) == (False, "model_call_limit")
    assert records["solo"].correct is True


async def test_after_failures_in_a_row_the_rest_is_not_tried(make_bench: OpenBench) -> None:
    bench = await make_bench([{"content": PLAN}], [{"error": "auth", "repeat": True}])
    seen: list[Record] = []
    jobs = [("solo", TASK.model_copy(update={"id": str(n)})) for n in range(9)]
    assert not await play_all(bench, jobs, parallel=1, on_record=seen.append)
    assert [record.id for record in seen] == ["0", "1", "2"]


async def test_several_turns_at_once_play_each_job_once(make_bench: OpenBench) -> None:
    bench = await make_bench([{"content": PLAN}], [{"content": GOOD, "repeat": True}])
    seen: list[Record] = []
    jobs = [("solo", TASK.model_copy(update={"id": str(n)})) for n in range(9)]
    assert await play_all(bench, jobs, parallel=4, on_record=seen.append)
    assert sorted(record.id for record in seen) == [str(n) for n in range(9)]
    assert all(record.correct for record in seen)


async def test_a_fault_while_keeping_a_record_ends_the_run(make_bench: OpenBench) -> None:
    bench = await make_bench([{"content": PLAN}], [{"content": GOOD, "repeat": True}])

    def full_disk(_record: Record) -> None:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        await play_all(bench, [("solo", TASK)] * 3, parallel=2, on_record=full_disk)
