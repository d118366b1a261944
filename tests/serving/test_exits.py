from __future__ import annotations

import pytest

from nodes import Status
from serving import exits


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
