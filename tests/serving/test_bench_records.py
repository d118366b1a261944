"""The results of a benchmark: what may be gone on with, and the figures that come of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.settings import Settings
from providers import RoleModels
from serving.bench.play import setup_of
from serving.bench.records import Record, Results, Setup
from serving.bench.summary import summarize, table, wilson
from serving.bench.tasks import BenchTask
from serving.faults import InputError

if TYPE_CHECKING:
    from pathlib import Path

SETUP = Setup(reasoning_model="a", coding_model="b", limits={"max_repairs": 2, "max_cost_usd": None})
TASKS = [BenchTask(id=name, prompt="x", tests="assert 1") for name in ("one", "two", "three")]
DIGESTS = {task.id: task.digest for task in TASKS}


def record(mode: str, name: str, *, correct: bool | None, **values: object) -> Record:
    plain = {"mode": mode, "id": name, "task": DIGESTS[name], "setup": SETUP, "status": "done", "calls": 1}
    return Record.model_validate(plain | {"correct": correct} | values)


@pytest.fixture
def results(tmp_path: Path) -> Results:
    kept = Results(tmp_path / "results.jsonl")
    kept.load(TASKS, SETUP)
    return kept


def reload(results: Results, tasks: list[BenchTask] = TASKS, setup: Setup = SETUP) -> Results:
    again = Results(results.path)
    again.load(tasks, setup)
    return again


def test_what_was_added_is_there_again(results: Results) -> None:
    results.add(record("solo", "one", correct=True, problem="né"))
    results.add(record("full", "one", correct=False, cost_usd=None))
    assert reload(results).records == results.records


def test_only_a_judged_turn_is_done_and_the_newest_record_counts(results: Results) -> None:
    results.add(record("solo", "one", correct=None, problem="no network"))
    assert not reload(results).done(("solo", "one"))
    results.add(record("solo", "one", correct=False))
    assert reload(results).done(("solo", "one"))
    assert not reload(results).done(("full", "one"))


def test_a_line_that_was_cut_is_dropped_when_the_run_goes_on(results: Results) -> None:
    assert results.path is not None
    results.add(record("solo", "one", correct=True))
    whole = results.path.read_bytes()
    results.path.write_bytes(whole + whole[: len(whole) // 2])
    again = reload(results)
    assert list(again.records) == [("solo", "one")]
    again.add(record("solo", "two", correct=True))
    again.add(record("solo", "three", correct=True))
    assert list(reload(results).records) == [("solo", "one"), ("solo", "two"), ("solo", "three")]


def test_records_of_other_tasks_stay_and_count_for_nothing(results: Results) -> None:
    results.add(record("solo", "one", correct=True))
    again = reload(results, TASKS[1:])
    assert again.records == {}
    again.add(record("solo", "two", correct=True))
    assert list(reload(results).records) == [("solo", "one"), ("solo", "two")]


@pytest.mark.parametrize(
    ("setup", "message"),
    [
        ({"coding_model": "c"}, "was made with coding_model 'b', and now it is 'c'"),
        ({"reasoning_model": "c"}, "was made with reasoning_model 'a', and now it is 'c'"),
        ({"limits": {"max_repairs": 1, "max_cost_usd": None}}, "with max_repairs 2, and now it is 1"),
        ({"limits": {"max_repairs": 2, "max_cost_usd": 0.5}}, "with max_cost_usd None, and now it is 0.5"),
    ],
)
def test_results_of_another_set_up_are_refused(
    results: Results, setup: dict[str, object], message: str
) -> None:
    results.add(record("solo", "one", correct=True))
    with pytest.raises(InputError, match=message):
        reload(results, setup=SETUP.model_copy(update=setup))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model_tries": 3}, "with model_tries 2, and now it is 3"),
        ({"model_timeout_s": 7}, "with model_timeout_s 120.0, and now it is 7.0"),
        ({"roles": {"coding": {"temperature": 0.5}}}, r"with coding\.temperature None, and now it is 0\.5"),
    ],
)
def test_whatever_a_result_depends_on_is_recorded_with_it(
    results: Results, changed: dict[str, Any], message: str
) -> None:
    models = RoleModels({})
    before = setup_of(Settings(), models)
    results.add(record("solo", "one", correct=True, setup=before))
    assert reload(results, setup=before).done(("solo", "one"))
    with pytest.raises(InputError, match=message):
        reload(results, setup=setup_of(Settings(**changed), models))


def test_results_of_a_task_that_has_changed_are_refused(results: Results) -> None:
    results.add(record("solo", "one", correct=True))
    changed = [TASKS[0].model_copy(update={"hidden_tests": "assert 2"}), *TASKS[1:]]
    with pytest.raises(InputError, match="line 1: the task 'one' has changed since"):
        reload(results, changed)


@pytest.mark.parametrize("line", ["{}", "[1]", "no", json.dumps({"id": "a", "prompt": "x"}), "\udcff"])
def test_a_file_of_something_else_is_refused(results: Results, line: str) -> None:
    assert results.path is not None
    results.path.write_bytes(line.encode(errors="surrogateescape") + b"\n")
    with pytest.raises(InputError, match="line 1 is no result of a benchmark"):
        reload(results)


def test_a_place_that_cannot_be_written_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is not a file: name one\.$"):
        Results(tmp_path).load(TASKS, SETUP)
    with pytest.raises(InputError, match="cannot be written"):
        Results(tmp_path / "none" / "results.jsonl").load(TASKS, SETUP)


def test_figures_are_about_judged_turns_alone() -> None:
    played = [
        record("solo", "one", correct=True, input_tokens=5, seconds=1.5, cost_usd=0.5),
        record("solo", "two", correct=False, input_tokens=7, seconds=0.5, cost_usd=0.25),
        record("solo", "three", correct=None, input_tokens=100, seconds=60),
        record("full", "one", correct=False, verification="verified", repairs=2, cost_usd=None),
        record("full", "two", correct=True, verification="verified", status="limit", tokens_estimated=True),
    ]
    solo, full = summarize({one.key: one for one in played}, ["solo", "full"], list(DIGESTS))
    assert (solo.tasks, solo.judged, solo.unjudged, solo.correct, solo.accuracy) == (3, 2, 1, 1, 0.5)
    assert (solo.calls, solo.input_tokens, solo.seconds, solo.cost_usd) == (2, 12, 2.0, 0.75)
    assert (full.verified, full.verified_wrong, full.limited, full.repairs) == (2, 1, 1, 2)
    assert (full.gained, full.lost, full.cost_usd, full.tokens_estimated) == (1, 1, None, True)
    lines = table([solo, full])
    assert lines[1].split() == ["solo", "1/2", "50%", "9-91%", "-", "-", "-", "2", "12/0", "0.75", "1.0"]
    assert lines[2].split()[4:] == ["+1", "-1", "2", "1", "2", "~0/0", "unknown", "0.0"]


def test_a_mode_without_results_has_a_row_all_the_same() -> None:
    (empty,) = summarize({}, ["full"], ["one"])
    assert (empty.accuracy, empty.judged, empty.cost_usd) == (None, 0, 0)
    assert table([empty])[1].split()[:3] == ["full", "0/0", "-"]


def test_the_interval_is_wilsons() -> None:
    assert wilson(8, 10) == pytest.approx((0.490, 0.943), abs=5e-4)
    assert wilson(0, 10) == pytest.approx((0.0, 0.278), abs=5e-4)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_stays_in_bounds(counts: tuple[int, int]) -> None:
    right, of = counts
    low, high = wilson(right, of)
    assert 0 <= low <= right / of + 1e-12
    assert right / of - 1e-12 <= high <= 1
    mirror = wilson(of - right, of)
    assert (low, high) == pytest.approx((1 - mirror[1], 1 - mirror[0]))
