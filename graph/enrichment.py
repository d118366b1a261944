"""What the worker does with a job: learn from a finished turn, or write what could not be written before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from graph.learning import Learned, Lesson, learned, question, told
from memory.queue import FinishedTurn, JobError, LeaseLostError
from memory.records import Item, Record, Selection
from providers import Allowance, LimitReachedError, ModelsFailedError, UnfitAnswerError
from providers.scrub import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memory import Memory
    from memory.queue import Jobs, Lease
    from providers import RoleModels
    from providers.embedding import EmbeddingModels

MAX_CALLS: Final = 2
"""Calls of the background model in one attempt: the question, and one more when its answer has no form."""

MAX_OUTPUT_TOKENS: Final = 4_000
"""Tokens that the background model may answer with in one attempt, thinking included."""

MAX_INPUT_TOKENS: Final = 40_000
"""Tokens that it may be sent in one attempt."""

_EMBED_AT_ONCE = 64
_RECORDS: TypeAdapter[list[Record]] = TypeAdapter(list[Record])


class Enrichment:
    """Does the jobs of the queue; implements `memory.queue.Handler`.

    What it writes it writes under ids that are made from what is written, so that doing a job twice changes
    nothing; and what a model said is kept in the job first, so that it is not asked twice.
    """

    def __init__(
        self,
        jobs: Jobs,
        memory: Memory,
        *,
        models: Callable[[], RoleModels],
        embedder: Callable[[], EmbeddingModels] | None = None,
    ) -> None:
        """Note what to work with; models are made at the first job, in a thread.

        Args:
            jobs: The queue, for what the work gives.
            memory: Where it goes.
            models: Makes the models, which are nobody else's.
            embedder: Makes the embedding model for what was written; without one there are no vectors.
        """
        self._jobs = jobs
        self._memory = memory
        self._make_models = models
        self._make_embedder = embedder
        self._models: RoleModels | None = None
        self._embedder: EmbeddingModels | None = None

    async def __call__(self, lease: Lease) -> str | None:
        """Do a job; see `memory.queue.Handler`."""
        job = lease.job
        if job.kind == "write":
            await self._write(job.namespace, _read(_RECORDS.validate_python, job.payload.get("records")))
            return await self._embed(job.namespace)
        turn = _read(FinishedTurn.model_validate, job.payload)
        # First, so that a turn is remembered also when no model can be asked about it.
        await self._memory.store(job.namespace, told(turn))
        lesson = await self._lesson(lease, turn)
        if records := learned(turn, lesson):
            await self._memory.store(job.namespace, records)
        problem = await self._embed(job.namespace)
        return lesson.note or problem

    async def aclose(self) -> None:
        """Close the models' connections."""
        if self._models is not None:
            await self._models.aclose()
        if self._embedder is not None:
            await self._embedder.aclose()

    async def _write(self, namespace: str, records: Sequence[Record]) -> None:
        """Write what was told earlier; where the user has said otherwise since, it is kept as superseded."""
        late = [record for record in records if await self._is_overtaken(namespace, record)]
        await self._memory.store(namespace, [record for record in records if record not in late])
        if late:  # a fact that is restored beside one that holds on its subject leaves that one alone
            await self._memory.restore(namespace, [_item(record) for record in late])

    async def _is_overtaken(self, namespace: str, record: Record) -> bool:
        """Whether another fact holds on a record's subject, and was told after it."""
        if record.kind != "fact" or not record.subject:
            return False
        chosen = Selection(kinds=("fact",), subject=record.subject, is_current=True)
        holders = await self._memory.list(namespace, chosen, limit=1)
        return any(
            one.id != record.id and max(origin.at for origin in one.origins) > record.origin.at
            for one in holders
        )

    async def _lesson(self, lease: Lease, turn: FinishedTurn) -> Lesson:
        """What the model said in an earlier attempt, else what it says now."""
        if lease.job.output is not None:
            kept: Lesson = _read(Lesson.model_validate, lease.job.output)
            return kept
        lesson = await self._ask(turn)
        if not await self._jobs.keep_output(lease, lesson.model_dump(mode="json")):
            raise LeaseLostError("Another worker has taken the job over.")
        return lesson

    async def _ask(self, turn: FinishedTurn) -> Lesson:
        """Ask the background model.

        Raises:
            JobError: When it failed in a way that another attempt may mend.
        """
        if self._models is None:
            self._models = await asyncio.to_thread(self._make_models)
        allowance = Allowance(
            attempts=MAX_CALLS, input_tokens=MAX_INPUT_TOKENS, output_tokens=MAX_OUTPUT_TOKENS
        )
        try:
            answer = await self._models.reply_as("background", question(turn), Learned, allowance=allowance)
        except UnfitAnswerError as error:
            return Lesson(note=one_line(f"Nothing was learned from the turn: {error}"))
        except LimitReachedError as error:
            if error.limit in ("input_tokens", "output_tokens"):
                return Lesson(note=f"Nothing was learned from the turn: {error}")
            raise JobError(one_line(f"The background model gave no answer: {error}")) from error
        except ModelsFailedError as error:
            raise JobError(one_line(f"The background model failed: {error}")) from error
        last = answer.reply.calls[-1] if answer.reply.calls else None
        left_out = answer.value.left_out
        note = f"Of what the model said {left_out} had no form and was left out." if left_out else ""
        return Lesson(**answer.value.model_dump(), source=last.model if last else "", note=note)

    async def _embed(self, namespace: str) -> str | None:
        """Give vectors to what has none yet; that it fails spoils nothing, as words are found without."""
        if self._make_embedder is None:
            return None
        if self._embedder is None:
            self._embedder = await asyncio.to_thread(self._make_embedder)
        try:
            model = str(self._embedder.specs[0])
            items = await self._memory.without_vector(namespace, model, limit=_EMBED_AT_ONCE)
            if items:
                made = await self._embedder.embed([item.record.text for item in items])
                vectors = {item.id: vector for item, vector in zip(items, made.vectors, strict=True)}
                await self._memory.set_vectors(namespace, made.model, vectors)
        except (ModelsFailedError, ValueError) as error:
            return one_line(f"There are no vectors for it yet: {error}")
        return None


def _item(record: Record) -> Item:
    return Item(id=record.id, record=record, origins=(record.origin,), valid_from=record.origin.at)


def _read(validate: Callable[[Any], Any], given: object) -> Any:  # noqa: ANN401  # as the caller validates
    """Read what a job holds.

    Raises:
        JobError: When it cannot be read; another attempt would not mend that.
    """
    try:
        return validate(given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise JobError(
            f"What the job holds cannot be read ({where}: {first['msg']}): drop it.", is_final=True
        ) from None
