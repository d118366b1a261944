from __future__ import annotations

from typing import get_args

import pytest

from nodes import Status, Task
from serving import exits
from serving.commands import TASKS


@pytest.mark.parametrize(
    ("status", "route", "code"),
    [
        (Status.DONE, "code", 0),
        (Status.DONE, "answer", 0),
        (Status.REJECTED, "answer", 2),
        (Status.LIMIT, "answer", 3),
        (Status.NOT_VERIFIED, "code", 4),
        (Status.DECLINED, "code", 4),
        (Status.DECLINED, "answer", 0),
        (Status.FAILED, "code", 5),
    ],
)
def test_each_status_has_its_exit_code(status: Status, route: str, code: int) -> None:
    assert exits.of_status(status, route) == code


def test_no_status_is_without_an_exit_code() -> None:
    assert all(exits.of_status(status, route) >= 0 for status in Status for route in ("code", "answer"))


def test_the_tasks_of_the_command_line_are_those_of_the_graph() -> None:
    assert get_args(Task) == TASKS
