"""Machines whose clocks differ, as seen by LangGraph, which names checkpoints by the clock."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from langgraph.checkpoint.base import id as ids

HOUR_S = 3600


@contextmanager
def machine(*, behind_s: float = 0) -> Iterator[None]:
    """Make checkpoints as a machine would whose clock is behind by so many seconds."""
    with pytest.MonkeyPatch.context() as patch:
        # Of the process alone: another machine knows nothing of the ids made here.
        patch.setattr(ids, "_last_v6_timestamp", None)
        patch.setattr(ids, "time", SimpleNamespace(time_ns=lambda: time.time_ns() - int(behind_s * 1e9)))
        yield
