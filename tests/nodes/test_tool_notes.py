"""What is said of calls that a turn leaves behind."""

from typing import get_args

import pytest

from nodes.tool_calls import Act, Wanted
from nodes.tool_notes import dropped_calls
from nodes.turn import Turn


@pytest.mark.parametrize("act", get_args(Act))
def test_calls_are_left_behind_where_they_waited_or_were_cut_off(act: Act) -> None:
    one = Wanted(id="a", name="pay", arguments={"n": 1}, act=act)
    said = dropped_calls(Turn(wanted=[one], result=None))
    words = {
        "ask": 'they were not made: `pay({"n": 1})`.',
        "run": 'they may have been made: `pay({"n": 1})`.',
    }
    assert said.endswith(words.get(act, ""))
    assert bool(said) == (act in words)


def test_calls_that_need_no_consent_wait_with_those_that_do() -> None:
    wanted = [Wanted(id=act, name=act, arguments={}, act=act) for act in get_args(Act)]
    assert dropped_calls(Turn(wanted=wanted)).endswith("they were not made: `run({})`, `ask({})`.")
    assert not dropped_calls(Turn())
