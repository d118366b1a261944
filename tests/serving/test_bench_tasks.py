"""Files of tasks: what is refused and how, and the tasks that come with the command."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from sandbox import Limits, SourceFile, Unavailable, Verifier, open_sandbox
from serving.bench.tasks import BenchTask, read_tasks
from serving.faults import InputError
from tests.serving.bench_solutions import RIGHT, WRONG

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = {task.id: task for task in read_tasks(None)}
SLOW = {"min_stack"}
"""Calls the answer a hundred thousand times, to see that it is quick."""
every_example = pytest.mark.parametrize(
    "task",
    [pytest.param(task, id=id_, marks=[pytest.mark.slow] * (id_ in SLOW)) for id_, task in EXAMPLES.items()],
)
GOOD = {"id": "a", "prompt": "Write f", "tests": "assert f(1) == 2"}


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    sandbox = asyncio.run(open_sandbox())
    assert not isinstance(sandbox, Unavailable), sandbox.reason
    return Verifier(sandbox, limits=Limits(wall_s=60.0, cpu_s=60))


async def status(verifier: Verifier, code: str, tests: str) -> str:
    return (await verifier.verify([SourceFile(path="solution.py", content=code)], tests=tests)).status


def test_there_are_twenty_examples_each_with_a_known_answer() -> None:
    assert len(EXAMPLES) == 20
    assert list(EXAMPLES) == list(RIGHT) == list(WRONG)


@every_example
async def test_a_right_answer_passes_all_tests_of_an_example(task: BenchTask, verifier: Verifier) -> None:
    assert task.tests
    assert task.hidden_tests
    for tests in (task.tests, task.hidden_tests):
        assert await status(verifier, RIGHT[task.id], tests) == "verified"


@every_example
async def test_a_small_slip_fails_the_hidden_tests_of_an_example(task: BenchTask, verifier: Verifier) -> None:
    right, wrong = WRONG[task.id]
    assert right in RIGHT[task.id]
    slip = RIGHT[task.id].replace(right, wrong, 1)
    compile(slip, task.id, "exec")
    assert await status(verifier, slip, task.hidden_tests) == "failed"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "holds no task"),
        (["", "  "], "holds no task"),
        ([GOOD, "{"], "tasks.jsonl, line 2: Invalid JSON"),
        ([GOOD, "", [1]], "line 3: Input should be an object"),
        ([{"prompt": "x", "tests": "assert 1"}], "line 1: the field 'id' is missing: add it."),
        ([{"id": "x", "tests": "assert 1"}], "the field 'prompt' is missing"),
        ([GOOD | {"id": ""}], "the field 'id': String should have at least 1 character"),
        ([GOOD | {"id": 7}], "the field 'id': Input should be a valid string"),
        ([GOOD | {"id": "a\nb"}], "the field 'id' has a control character"),
        ([GOOD | {"test": "x"}], "there is no field 'test': did you mean 'tests'?"),
        ([GOOD | {"colour": "x"}], "there is no field 'colour': known are id, prompt, tests, hidden_tests."),
        ([GOOD, GOOD], "line 2: the id 'a' is that of line 1 too"),
        ([GOOD | {"prompt": " "}], "line 1: The request is empty"),
        ([GOOD | {"prompt": "x" * 200_001}], "line 1: The request has 200,001 characters"),
        ([GOOD | {"tests": ""}], "line 1: nothing can judge an answer"),
        ([GOOD | {"tests": "assert ("}], "line 1, tests, line 1: '(' was never closed"),
        ([GOOD, GOOD | {"id": "b", "hidden_tests": "\nx = = 1"}], "line 2, hidden_tests, line 2"),
        ([GOOD | {"hidden_tests": "x = 1"}], "line 1, hidden_tests holds no test"),
        (['{"id": "a", "prompt": "\\ud800", "tests": "assert 1"}'], "line 1: "),
    ],
)
def test_what_is_wrong_is_one_sentence_that_names_the_line(
    tmp_path: Path, lines: list[object], message: str
) -> None:
    path = tmp_path / "tasks.jsonl"
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_tasks(str(path))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_limit_takes_the_first_tasks_and_checks_them_all(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_text(json.dumps(GOOD) + "\n\n" + json.dumps(GOOD | {"id": "b"}), encoding="utf-8")
    assert [task.id for task in read_tasks(str(path))] == ["a", "b"]
    assert [task.id for task in read_tasks(str(path), 1)] == ["a"]
    path.write_text(json.dumps(GOOD) + "\n{", encoding="utf-8")
    with pytest.raises(InputError, match="line 2"):
        read_tasks(str(path), 1)


def test_hidden_tests_judge_where_there_are_any() -> None:
    assert BenchTask(id="a", prompt="x", tests="assert 1").judge == "assert 1"
    assert BenchTask(id="a", prompt="x", tests="assert 1", hidden_tests="assert 2").judge == "assert 2"
    assert BenchTask(id="a", prompt="x", hidden_tests="assert 2").judge == "assert 2"


def test_the_digest_is_that_of_the_whole_task() -> None:
    task = BenchTask(id="a", prompt="x", tests="assert 1")
    others = [task.model_copy(update={field: "y"}) for field in BenchTask.model_fields]
    assert len({task.digest, *(other.digest for other in others)}) == 5
