"""After a use that took long the event loop leaves the database alone: briefly, then longer each time."""

from contextlib import suppress

import pytest

from checkpoints.sqlite import pace
from checkpoints.sqlite.pace import Pace


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(pace, "time", made)
    return made


def use(one: Pace, clock: Clock, seconds: float) -> None:
    with one.measured():
        clock.now += seconds


def left_alone(one: Pace, clock: Clock) -> float:
    """For how long; the clock stands at the end of it."""
    start = clock.now
    while not one.is_quick:
        clock.now += 0.01
    return clock.now - start


def test_a_quick_use_is_followed_by_the_next(clock: Clock) -> None:
    one = Pace()
    use(one, clock, 0.01)
    assert one.is_quick


def test_it_waits_longer_each_time_and_briefly_again_after_a_quick_one(clock: Clock) -> None:
    one = Pace()
    waits = []
    for _ in range(9):
        use(one, clock, 0.5)
        waits.append(left_alone(one, clock))
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5], abs=0.02)
    use(one, clock, 0.001)
    use(one, clock, 0.5)
    assert left_alone(one, clock) == pytest.approx(0.1, abs=0.02)


def test_what_fails_counts_too(clock: Clock) -> None:
    one = Pace()
    with suppress(ValueError), one.measured():
        clock.now += 1
        raise ValueError
    assert not one.is_quick
