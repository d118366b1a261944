"""What a run that was cut off leaves open has failed; what had failed before needs no end."""

import json

from sandbox import Execution, Limits
from sandbox.evidence import Check
from sandbox.inside.sealing import seal
from sandbox.report import Reader

Record = dict[str, object]
BEGIN: Record = {"kind": "begin", "name": "tests"}
CASE: Record = {"kind": "case", "name": "f(2) == 4", "isolated": False}
CHECK: Record = {"kind": "check", "name": "tests", "duration_s": 0.1, "required": True, "detail": "said"}
KILLED = Execution(exit_code=-9, stdout=b"", stderr=b"", duration_s=0.2)


def heard(*records: Record) -> list[Check]:
    reader = Reader(lambda _: None)
    reader.expect("token")
    for at, record in enumerate(records):
        text = json.dumps(record).encode()
        reader.feed(seal(b"token", at, text) + b" " + text + b"\n")
    reader.finish(KILLED, Limits())
    return reader.checks


def test_a_run_cut_off_after_a_failed_step_failed_in_that_step() -> None:
    [check] = heard(BEGIN, {**CASE, "passed": False, "detail": ""}, {**CHECK, "passed": False})
    assert (check.name, check.passed, check.detail) == ("tests", False, "said")


def test_a_run_cut_off_after_a_passed_step_has_failed() -> None:
    passed, cut = heard(BEGIN, {**CASE, "passed": True, "detail": ""}, {**CHECK, "passed": True})
    assert (passed.passed, cut.passed) == (True, False)
    assert "killed by SIGKILL" in cut.detail


def test_a_run_cut_off_within_a_step_failed_there() -> None:
    [check] = heard(BEGIN, {"kind": "trying", "name": "f(2) == 4"})
    assert (check.name, check.passed, [case.name for case in check.cases]) == ("tests", False, ["f(2) == 4"])
    assert "killed by SIGKILL" in check.detail
