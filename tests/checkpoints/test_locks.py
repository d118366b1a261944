"""Locks: one holder at a time, in order, for sync and async callers together, whatever is cancelled."""

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkpoints import ThreadBusyError, ThreadLocks


class Watched:
    """Counts the holders of each thread and remembers whether two ever met."""

    def __init__(self) -> None:
        self.inside: set[str] = set()
        self.met = False
        self.turns = 0

    def enter(self, name: str) -> None:
        self.met |= name in self.inside
        self.inside.add(name)

    def leave(self, name: str) -> None:
        self.inside.discard(name)
        self.turns += 1


def until(locks: ThreadLocks, waiting: int, name: str = "t") -> None:
    while locks.waiting(name) != waiting:
        time.sleep(0.001)


async def turned(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - what is awaited may happen in another thread
        await asyncio.sleep(0.001)


def test_waiters_of_every_kind_are_served_in_the_order_they_came() -> None:
    locks, served = ThreadLocks(), []

    def sync_turn(number: int) -> None:
        with locks.hold("t"):
            served.append(number)

    async def async_turn(number: int) -> None:
        async with locks.ahold("t"):
            served.append(number)

    with ThreadPoolExecutor(8) as pool, locks.hold("t"):
        for number in range(8):
            if number % 2:
                pool.submit(sync_turn, number)
            else:
                pool.submit(asyncio.run, async_turn(number))
            until(locks, number + 1)
    assert served == list(range(8))
    assert locks.held == 0


def test_different_threads_do_not_wait_for_each_other() -> None:
    locks = ThreadLocks()
    with locks.hold("a", timeout_s=0), locks.hold("b", timeout_s=0):
        assert locks.held == 2
    assert locks.held == 0


async def test_the_loop_goes_on_while_a_task_waits_for_a_sync_holder() -> None:
    locks, free = ThreadLocks(), threading.Event()

    def holder() -> None:
        with locks.hold("t"):
            free.wait()

    thread = threading.Thread(target=holder)
    thread.start()
    await turned(lambda: locks.held == 1)

    async def turn() -> str:
        async with locks.ahold("t"):
            return "served"

    task = asyncio.create_task(turn())
    await turned(lambda: locks.waiting("t") == 1)
    free.set()
    assert await task == "served"
    thread.join()


async def test_a_timeout_names_the_thread_and_leaves_the_queue() -> None:
    locks = ThreadLocks()
    async with locks.ahold("session-1"):
        with pytest.raises(ThreadBusyError, match=r"'session-1' was busy .* more than 0\.01 s"):
            async with locks.ahold("session-1", timeout_s=0.01):
                pass
        with pytest.raises(ThreadBusyError, match="'session-1'"), locks.hold("session-1", timeout_s=0):
            pass
        assert locks.waiting("session-1") == 0
    assert locks.held == 0


async def test_a_free_thread_is_held_at_once_even_with_no_time_to_wait() -> None:
    locks = ThreadLocks()
    async with locks.ahold("t", timeout_s=0):
        assert locks.held == 1


async def test_a_timeout_error_of_the_body_stays_itself() -> None:
    locks = ThreadLocks()
    with pytest.raises(TimeoutError):
        async with locks.ahold("t", timeout_s=5):
            raise TimeoutError
    with pytest.raises(TimeoutError), locks.hold("t", timeout_s=5):
        raise TimeoutError
    assert locks.held == 0


async def test_a_waiter_cancelled_just_as_it_was_granted_passes_the_lock_on() -> None:
    locks, served = ThreadLocks(), []

    async def turn(name: str) -> None:
        async with locks.ahold("t"):
            served.append(name)

    holder = locks.ahold("t")
    await holder.__aenter__()
    unlucky, next_one = asyncio.create_task(turn("unlucky")), asyncio.create_task(turn("next"))
    await turned(lambda: locks.waiting("t") == 2)
    # No turn of the loop lies between the grant and the cancellation.
    await holder.__aexit__(None, None, None)
    unlucky.cancel()
    await asyncio.wait([unlucky, next_one])
    assert unlucky.cancelled()
    assert served == ["next"]
    assert locks.held == 0


def test_a_waiter_whose_loop_was_closed_is_passed_over() -> None:
    locks = ThreadLocks()

    async def turn() -> None:
        async with locks.ahold("t"):
            pass

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    with locks.hold("t"):
        task = loop.create_task(turn())
        loop.run_until_complete(asyncio.sleep(0.01))
        assert locks.waiting("t") == 1
        loop.close()
    assert not task.done()
    assert locks.held == 0
    del task
    gc.collect()
    with locks.hold("t", timeout_s=0):
        assert locks.held == 1
    assert locks.held == 0


def test_a_holder_that_was_forgotten_with_its_closed_loop_leaves_once_it_is_collected() -> None:
    locks = ThreadLocks()

    async def turn() -> None:
        async with locks.ahold("t"):
            await asyncio.get_running_loop().create_future()

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    task = loop.create_task(turn())
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    assert locks.held == 1
    del task
    gc.collect()
    assert locks.held == 0


def test_a_cancellation_storm_neither_starves_nor_doubles_nor_leaks() -> None:
    locks, watched = ThreadLocks(), Watched()

    async def turn(name: str) -> None:
        async with locks.ahold(name):
            watched.enter(name)
            try:
                await asyncio.sleep(0)
            finally:
                watched.leave(name)

    async def storm(seed: int) -> int:
        tasks = [asyncio.create_task(turn(f"t{number % 2}")) for number in range(150)]
        for number, task in enumerate(tasks):
            if (number * 7 + seed) % 3 == 0:
                task.cancel()
            if number % 5 == 0:
                await asyncio.sleep(0)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        return sum(result is None for result in results)

    def sync_turns() -> int:
        for _ in range(100):
            with locks.hold("t0"):
                watched.enter("t0")
                watched.leave("t0")
        return 100

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(asyncio.run, storm(seed)) for seed in range(3)]
        jobs.append(pool.submit(sync_turns))
    finished = [job.result() for job in jobs]
    assert not watched.met
    assert watched.turns >= sum(finished)
    assert min(finished) >= 100
    assert locks.held == 0


Plan = list[tuple[str, bool, float | None]]

PLANS = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.booleans(), st.sampled_from([None, 0, 0.001])),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(sync_plan=PLANS, async_plans=st.lists(PLANS, min_size=1, max_size=2))
def test_any_mixture_of_turns_excludes_each_other_and_ends(sync_plan: Plan, async_plans: list[Plan]) -> None:
    locks, watched = ThreadLocks(), Watched()

    def sync_turn(name: str, timeout_s: float | None) -> bool:
        try:
            with locks.hold(name, timeout_s=timeout_s):
                watched.enter(name)
                time.sleep(0)
                watched.leave(name)
        except ThreadBusyError:
            return timeout_s is not None
        return True

    async def turn(name: str, timeout_s: float | None) -> bool:
        try:
            async with locks.ahold(name, timeout_s=timeout_s):
                watched.enter(name)
                try:
                    await asyncio.sleep(0)
                finally:
                    watched.leave(name)
        except ThreadBusyError:
            return timeout_s is not None
        return True

    async def loop_of(plan: Plan) -> bool:
        tasks = [asyncio.create_task(turn(name, timeout_s)) for name, _, timeout_s in plan]
        await asyncio.sleep(0)
        for task, (_, cancel, _) in zip(tasks, plan, strict=True):
            if cancel:
                task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        return all(result is True or isinstance(result, asyncio.CancelledError) for result in results)

    with ThreadPoolExecutor(5) as pool:
        jobs = [pool.submit(asyncio.run, loop_of(plan)) for plan in async_plans]
        jobs += [pool.submit(sync_turn, name, timeout_s) for name, _, timeout_s in sync_plan]
    assert all(job.result() for job in jobs)
    assert not watched.met
    assert locks.held == 0
