from __future__ import annotations

import pytest

from checkpoints import DatabaseError, UnknownThreadError
from graph.agent import RequestError
from graph.settings import SettingsError
from providers import ModelConfigError
from sandbox import TestsError
from serving.faults import InputError, OutputError, fault_of

KINDS = (
    DatabaseError,
    InputError,
    ModelConfigError,
    RequestError,
    SettingsError,
    TestsError,
    UnknownThreadError,
)


@pytest.mark.parametrize("kind", KINDS)
def test_the_rooms_own_errors_are_said_as_they_are(kind: type[Exception]) -> None:
    fault = fault_of(kind("One sentence."))
    assert (fault.kind, fault.message, fault.exit_code) == (kind.__name__, "One sentence.", 2)


def test_a_full_disk_is_no_usage_error_and_no_bug() -> None:
    fault = fault_of(OutputError("One sentence."))
    assert (fault.message, fault.exit_code) == ("One sentence.", 1)


def test_any_other_error_is_a_bug_with_a_hint() -> None:
    fault = fault_of(KeyError("x"))
    assert fault.exit_code == 1
    assert "unexpected KeyError: 'x'" in fault.message
    assert "DUOGRAPH_DEBUG=1" in fault.message
