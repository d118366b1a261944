"""The backends that every promise of the room is tested on."""

import os
import shutil
import sys
from collections.abc import Callable, Collection, Container, Sequence

import pytest
from _pytest.mark import ParameterSet

from sandbox import BubblewrapSandbox, NonoSandbox, Sandbox

BACKENDS = ("nono", "nono-without-namespace", "bubblewrap")
EVERY_PAIR = bool(os.environ.get("EVERY_PAIR"))
"""Whether whole matrices are played whose cells differ in little, which takes minutes more."""

others_are_slow = pytest.mark.parametrize(
    "backend",
    [pytest.param(name, marks=[pytest.mark.slow] * (name != BACKENDS[0])) for name in BACKENDS],
    indirect=True,
)
"""For what takes a second or more: the default backend every day, the others with the slow tests."""


def in_every_form(
    tricks: Collection[str], forms: Collection[str], *, daily: Container[str]
) -> pytest.MarkDecorator:
    """Each trick against each form of tests.

    Every day each trick meets one form, in turn, so that all tricks and all forms are met; under pytest,
    whose import takes longest, only those in `daily`. Of the other pairs every fourth is slow, and under
    pytest every eighth; the rest is played by hand, with `EVERY_PAIR=1`.
    """
    quick = [form for form in forms if form != "pytest"]
    turn = {trick: quick[number % len(quick)] for number, trick in enumerate(tricks)}
    pairs = [
        (trick, form)
        for number, trick in enumerate(tricks)
        for place, form in enumerate(forms)
        if EVERY_PAIR
        or (form == "pytest" and (trick in daily or number % 8 == 0))
        or (form != "pytest" and (form == turn[trick] or (number + place) % 4 == 1))
    ]
    return pytest.mark.parametrize(
        ("trick", "form"),
        [
            pytest.param(
                trick,
                form,
                id=f"{trick}-{form}",
                marks=[pytest.mark.slow] * (form != turn[trick] and (form != "pytest" or trick not in daily)),
            )
            for trick, form in pairs
        ],
    )


def rarely(names: Collection[str], rare: Callable[[str], bool]) -> list[ParameterSet]:
    """Parameters, of which the rare ones are slow."""
    return [pytest.param(name, marks=[pytest.mark.slow] * rare(name)) for name in names]


def in_turn(
    names: tuple[str, str], firsts: Collection[object], seconds: Sequence[object], *, every: int = 1
) -> pytest.MarkDecorator:
    """All pairs of two lists; every day each `every`th of the first with one of the second, in turn."""
    return pytest.mark.parametrize(
        names,
        [
            pytest.param(
                first,
                second,
                marks=[pytest.mark.slow] * (bool(number % every) or place != number % len(seconds)),
            )
            for number, first in enumerate(firsts)
            for place, second in enumerate(seconds)
        ],
    )


def make_backend(name: str) -> Sandbox:
    """A backend of its own; skips the test when the machine has it not."""
    if name == "bubblewrap":
        if sys.platform != "linux" or shutil.which("bwrap") is None:
            pytest.skip("bwrap is not on PATH: apt-get install bubblewrap")
        return BubblewrapSandbox()
    return NonoSandbox(namespace=name == "nono")
