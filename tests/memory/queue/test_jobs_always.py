"""Whatever workers, kills and clocks do, a job is never lost, and one result of it counts."""

import asyncio
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from memory.queue.protocol import Lease
from memory.queue.sql import SqlJobs
from tests.memory.queue.conftest import Clock

KEYS = st.sampled_from("abc")
LEASE_S = 30.0


class Queue(RuleBasedStateMachine):
    """Workers that claim, hold, lose and end jobs while the clock goes on, jumps ahead, and is set back."""

    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.jobs = SqlJobs(":memory:", clock=self.clock)
        self.made: set[str] = set()
        self.ended: dict[str, str] = {}
        self.holder: dict[str, str] = {}
        self.output: dict[str, int] = {}

    def run(self, work: Any) -> Any:  # noqa: ANN401  # of any kind
        return asyncio.run(work)

    def is_held_by(self, lease: Lease) -> bool:
        return self.holder.get(lease.job.key) == lease.token

    @rule(key=KEYS)
    def enqueue(self, key: str) -> None:
        assert self.run(self.jobs.enqueue("enrich", "ada", key, {"key": key})) == (key not in self.made)
        self.made.add(key)

    @rule(target=leases)
    def claim(self) -> Lease | None:
        lease: Lease | None = self.run(self.jobs.claim(LEASE_S))
        if lease is None:
            return None
        assert lease.job.key not in self.ended
        assert lease.job.payload == {"key": lease.job.key}
        kept = self.output.get(lease.job.key)
        assert lease.job.output == (None if kept is None else {"n": kept})
        self.holder[lease.job.key] = lease.token
        return lease

    @rule(lease=leases, n=st.integers(0, 9))
    def keep_output(self, lease: Lease | None, n: int) -> None:
        if lease is not None:
            assert self.run(self.jobs.keep_output(lease, {"n": n})) == self.is_held_by(lease)
            if self.is_held_by(lease):
                self.output.setdefault(lease.job.key, n)

    @rule(lease=leases)
    def extend(self, lease: Lease | None) -> None:
        if lease is not None:
            assert self.run(self.jobs.extend(lease, LEASE_S)) == self.is_held_by(lease)

    @rule(lease=leases, how=st.sampled_from(["finish", "release", "fail", "die"]))
    def end(self, lease: Lease | None, how: str) -> None:
        if lease is None:
            return
        if how in ("finish", "release"):
            work = self.jobs.finish(lease) if how == "finish" else self.jobs.release(lease)
        else:
            work = self.jobs.fail(lease, "It failed.", again_in_s=20 if how == "fail" else None)
        assert self.run(work) == self.is_held_by(lease)
        if self.is_held_by(lease):
            del self.holder[lease.job.key]
            if how in ("finish", "die"):
                self.ended[lease.job.key] = "done" if how == "finish" else "dead"

    @rule(seconds=st.sampled_from([1.0, 31.0, 1e8, -31.0, -1e8]))
    def jump(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def nothing_is_lost(self) -> None:
        found = {job.key: job.status for job in self.run(self.jobs.list())}
        assert set(found) == self.made
        assert all(found[key] == status for key, status in self.ended.items())
        assert {key for key, status in found.items() if status == "running"} == set(self.holder)
        due = self.run(self.jobs.next_due_s())
        is_open = bool(self.made - set(self.ended))
        assert (due is not None) == is_open
        if due is not None:
            assert 0 <= due <= LEASE_S  # whatever the clock did, nobody waits longer than a lease

    def teardown(self) -> None:
        self.run(self.jobs.aclose())


TestQueue = Queue.TestCase
TestQueue.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
