"""Turns that wait for a person: whether they can, and what the wait does to the clock."""

import time

from langchain_core.runnables import RunnableConfig

from nodes.limits import seconds_left
from nodes.turn import Turn, request_of, spending_of


def can_wait(config: RunnableConfig) -> bool:
    """Whether a turn can wait for a person: only where it is kept meanwhile."""
    return bool(config.get("configurable", {}).get("__pregel_checkpointer"))


def left_when_asked(state: Turn) -> float:
    """Seconds that were left of the turn when the person was asked: its clock stands still since."""
    left = seconds_left(request_of(state).limits, spending_of(state))
    return left + max(0.0, time.time() - state.get("asked_at", time.time()))


def waited(state: Turn) -> Turn:
    """Move the turn's beginning by the time that the person took, so that the deadline moves as well."""
    spending = spending_of(state)
    still = max(0.0, time.time() - state.get("asked_at", time.time()))
    return Turn(spending=spending.model_copy(update={"started_at": spending.started_at + still}))
