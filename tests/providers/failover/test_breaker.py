"""The circuit breaker's promises, whatever happens in whatever order."""

from __future__ import annotations

import threading
from typing import get_args

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from providers.failover.breaker import ILL, Breaker, BreakerRule, Breakers, Ticket
from providers.protocol import ErrorKind

RULE = BreakerRule(failures=3, cool_down_s=10.0, longest_s=100.0)
OUTCOMES = st.sampled_from([None, *get_args(ErrorKind)])


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class BreakerMachine(RuleBasedStateMachine):
    """Requests come, overlap, fail, are cancelled; time passes."""

    tickets = Bundle("tickets")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.breaker = Breaker(RULE, self.clock)
        self.in_a_row = 0
        self.probe: Ticket | None = None

    @rule(target=tickets)
    def ask(self) -> Ticket | None:
        state = self.breaker.state
        ticket = self.breaker.admit()
        if state == "closed":
            assert ticket is not None
            assert not ticket.is_probe
        if state == "open":
            assert ticket is None
        if state == "half-open":
            assert (ticket is not None) == (self.probe is None), "one probe at a time"
            self.probe = self.probe or ticket
        return ticket

    @rule(ticket=tickets, error=OUTCOMES, retry_after_s=st.none() | st.sampled_from([0.0, 50.0, 1e9]))
    def settle(self, ticket: Ticket | None, error: ErrorKind | None, retry_after_s: float | None) -> None:
        if ticket is None:
            return
        before, closed = self.breaker.opens_in_s, self.breaker.state == "closed"
        self.breaker.settle(ticket, error, retry_after_s)
        if ticket is self.probe or self.breaker.state == "closed":
            self.probe = None
        if error == "unknown":
            assert self.breaker.opens_in_s == before
        elif error not in ILL:
            assert self.breaker.state == "closed"
            self.in_a_row = 0
        elif closed:
            self.in_a_row += 1
            assert (self.breaker.state == "open") == (self.in_a_row >= RULE.failures)
        elif not ticket.is_probe:
            assert self.breaker.opens_in_s == before, "who was sent before it opened changes nothing"
        if self.breaker.state == "open" and self.breaker.opens_in_s != before:
            wait = max(RULE.cool_down_s, min(retry_after_s or 0.0, RULE.longest_s))
            assert self.breaker.opens_in_s == wait

    @rule(ticket=tickets)
    def cancel(self, ticket: Ticket | None) -> None:
        if ticket is not None:
            before = self.breaker.opens_in_s
            self.breaker.release(ticket)
            assert self.breaker.opens_in_s == before
            self.probe = None if ticket is self.probe else self.probe

    @rule(seconds=st.sampled_from([0.0, 1.0, 9.0, 10.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def the_way_is_never_shut_for_good(self) -> None:
        assert self.breaker.opens_in_s <= RULE.longest_s
        ticket = self.breaker.admit(anyway=True)
        assert ticket is not None
        self.breaker.release(ticket)


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def _open(breaker: Breaker) -> None:
    for _ in range(RULE.failures):
        ticket = breaker.admit()
        assert ticket is not None
        breaker.settle(ticket, "connection")
    assert breaker.state == "open"


def test_a_probe_that_is_answered_closes_and_one_that_fails_opens_for_as_long_again() -> None:
    clock = Clock()
    breaker = Breaker(RULE, clock)
    _open(breaker)
    clock.now = 10.0
    probe = breaker.admit()
    assert probe is not None
    assert breaker.admit() is None, "a single probe"
    breaker.settle(probe, "overloaded", 60.0)
    assert (breaker.state, breaker.opens_in_s) == ("open", 60.0)
    clock.now = 70.0
    probe = breaker.admit()
    assert probe is not None
    breaker.settle(probe, None)
    assert breaker.state == "closed"


def test_a_probe_that_is_cancelled_leaves_the_next_one_its_place() -> None:
    clock = Clock()
    breaker = Breaker(RULE, clock)
    _open(breaker)
    clock.now = 10.0
    probe = breaker.admit()
    assert probe is not None
    breaker.release(probe)
    assert breaker.admit() is not None


def test_of_many_threads_one_probes() -> None:
    clock = Clock()
    breaker = Breakers(RULE, clock).of("host")
    _open(breaker)
    clock.now = 10.0
    start, found = threading.Barrier(8), []

    def ask() -> None:
        start.wait()
        found.append(breaker.admit())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(ticket is not None for ticket in found) == 1


def test_each_endpoint_has_its_own() -> None:
    breakers = Breakers(RULE, Clock())
    _open(breakers.of(("openai", "host", "a")))
    assert breakers.of(("openai", "host", "a")).state == "open"
    assert breakers.of(("openai", "host", "b")).state == "closed"
