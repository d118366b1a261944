"""Hand the finished turn to the queue of work behind the answer. Never delays an answer, never fails one."""

import asyncio
import logging
from typing import ClassVar

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from memory.queue.protocol import Jobs
from nodes.context import Context
from nodes.cost import FREE, Cost
from nodes.finished import finished_turn, last_answer
from nodes.remembering import ENQUEUE_S, Remembering
from nodes.turn import Turn

_LOG = logging.getLogger(__name__)


class Enrich:
    """Puts one job on the queue, the same one however often the node is run again."""

    cost: ClassVar[Cost] = FREE  # its wait is within the second that each superstep is granted

    def __init__(
        self,
        jobs: Jobs | None = None,
        choices: Remembering = Remembering(),  # noqa: B008  # it is frozen
    ) -> None:
        self._jobs = jobs
        self._choices = choices
        self._under_way: set[asyncio.Task[None]] = set()  # a loop alone would let them be collected

    async def __call__(self, state: Turn, runtime: Runtime[Context], config: RunnableConfig) -> Turn:
        """Enqueue this turn, and those before it that were cut off at this point."""
        if self._jobs is not None and self._choices.learns:
            thread = str(config.get("configurable", {}).get("thread_id") or "")
            task = asyncio.create_task(self._enqueue(self._jobs, state, thread))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            await asyncio.wait({task}, timeout=ENQUEUE_S)
            if not task.done():
                # It goes on, and the next turn, which cannot know how it ended, hands the same job over.
                task.add_done_callback(_say_if_lost)
                return Turn()
            try:
                task.result()
            except Exception as error:  # noqa: BLE001  # whatever it is, the answer stands
                return _not_taken(state, runtime, error)
        return Turn(learned=last_answer(state.get("messages", [])), owed=[])

    async def _enqueue(self, jobs: Jobs, state: Turn, thread: str) -> None:
        turn = finished_turn(state, thread)
        for each in [*state.get("owed", []), *([turn] if turn else [])]:
            await jobs.enqueue("enrich", each.user or self._choices.user, each.key, each.payload())


def _not_taken(state: Turn, runtime: Runtime[Context], error: Exception) -> Turn:
    """Say that a turn is not learned from yet; the next turn of its session hands it over again."""
    note = f"This turn is not kept for learning yet: {_why(error)}. The session's next turn tries again."
    _LOG.warning("%s", note)
    runtime.stream_writer({"note": note})
    result = state.get("result")
    return (
        Turn() if result is None else Turn(result=result.model_copy(update={"notes": [*result.notes, note]}))
    )


def _say_if_lost(task: asyncio.Task[None]) -> None:
    """Log that the queue refused a turn after its answer was given."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _LOG.warning("A turn is not kept for learning: %s.", _why(error))


def _why(error: BaseException) -> str:
    return (str(error) or type(error).__name__).rstrip(".")
