"""Keep what the user tells, answer from it, and forget it. A model only words an answer."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import ClassVar, TypeVar

from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig

from memory import Memory, MemoryStoreError, MemoryUnavailableError
from memory.queue.protocol import Jobs
from memory.records import Hit, Item, Kind, Origin, Query, Record, Selection, mended
from nodes import sayings
from nodes.asking import ask
from nodes.cost import Cost
from nodes.ends import StopReason
from nodes.facts import fact_record
from nodes.limits import seconds_left
from nodes.prompting import fence, prompt
from nodes.recollection import Recollection, fenced, recollection
from nodes.remembering import KEEP_S, Remembering
from nodes.telling import Told, asked_about, fact, told
from nodes.turn import Turn, request_of, spending_of
from nodes.wording import archives_of, looked_for, vector_of
from providers.embedding import Embedder
from providers.protocol import Models, Reply

T = TypeVar("T")

_ANSWERED_BY: tuple[Kind, ...] = ("fact", "insight", "pattern", "chunk")
_LISTED = 10
_WAITS = 4
"""How often one of its ways waits for memory at most: a vector, the archives, a search, the queue."""


class Knowledge:
    """The end of a turn that is about memory itself."""

    cost: ClassVar[Cost] = Cost(reasoning=1, memory_s=_WAITS * KEEP_S)

    def __init__(
        self,
        models: Models,
        memory: Memory | None = None,
        jobs: Jobs | None = None,
        choices: Remembering = Remembering(),  # noqa: B008  # it is frozen
        *,
        embedder: Embedder | None = None,
    ) -> None:
        self._models = models
        self._embedder = embedder
        self._memory = memory
        self._jobs = jobs
        self._choices = choices

    async def __call__(self, state: Turn, config: RunnableConfig) -> Turn:
        """Store, answer or forget; what cannot be done ends the turn as failed, with the reason."""
        request = request_of(state)
        if self._memory is None:
            return _failed(sayings.no_memory(self._choices.off))
        if request.task == "knowledge_retrieve":
            return await self._answer(state, self._memory)
        said = mended(request.text)
        thing = told(said) or fact(said)
        if thing.act == "forget_all":
            return _done(sayings.NOT_EVERYTHING)
        if thing.act == "forget":
            return await self._forget(state, self._memory, thing)
        return await self._keep(state, self._memory, thing, config)

    async def _keep(self, state: Turn, memory: Memory, thing: Told, config: RunnableConfig) -> Turn:
        """Store a fact, and say what it takes the place of."""
        asked = [message for message in state.get("messages", []) if message.type == "human"]
        thread = str(config.get("configurable", {}).get("thread_id") or "")
        turn = str((asked[-1].id if asked else "") or "")
        try:
            record = fact_record(thing, Origin(session=thread[:255], turn=turn[:255]))
        except ValueError:
            return _failed(sayings.too_long(len(thing.text)))
        try:
            await self._in_time(state, memory.store(self._user(state), [record]))
            return _done(sayings.kept(record, await self._history(state, memory, record), turn))
        except MemoryUnavailableError as error:
            return await self._later(state, record, turn, str(error))
        except TimeoutError:
            return await self._later(state, record, turn, "memory did not answer in time")
        except MemoryStoreError as error:
            return _failed(sayings.not_kept(str(error)))

    async def _history(self, state: Turn, memory: Memory, record: Record) -> Sequence[Item]:
        """What was and is known on a record's subject; nothing where it cannot be read."""
        chosen = Selection(subject=record.subject) if record.subject else Selection(ids=(record.id,))
        chosen = chosen.model_copy(update={"kinds": ("fact",)})
        try:
            return await self._in_time(state, memory.list(self._user(state), chosen))
        except (MemoryStoreError, TimeoutError):
            return []

    async def _later(self, state: Turn, record: Record, turn: str, why: str) -> Turn:
        """Queue what cannot be written now."""
        if self._jobs is None:
            return _failed(sayings.not_kept(why))
        payload = {"records": [record.model_dump(mode="json")]}
        try:
            job = self._jobs.enqueue("write", self._user(state), f"{turn}:{record.id}", payload)
            await self._in_time(state, job)
        except (MemoryStoreError, TimeoutError) as error:
            why += f"; nor could it be queued: {str(error) or 'no answer in time'}"
            return _failed(sayings.not_kept(why))
        return _done(sayings.queued(record, why))

    async def _answer(self, state: Turn, memory: Memory) -> Turn:
        """Answer from what was told; nothing found is said without asking a model."""
        request = request_of(state)
        text = looked_for(asked_about(request.text))
        vector, model = await vector_of(self._embedder, text, min(KEEP_S, self._left(state)))
        chosen, user = request.archives or self._choices.archives, self._user(state)
        try:
            query = Query(
                text=text,
                vector=vector,
                vector_model=model,
                kinds=_ANSWERED_BY,
                archives=await self._in_time(state, archives_of(memory, user, chosen)),
                max_results=self._choices.max_results,
                min_score=self._choices.min_score,
            )
            hits: Sequence[Hit] = await self._in_time(state, memory.search(user, query))
        except (MemoryStoreError, TimeoutError) as error:
            return _failed(sayings.not_read(str(error) or "it did not answer in time"))
        if not hits:
            still_waits = await self._still_waits(state)
            return _done(sayings.NOTHING_YET if still_waits else sayings.NOTHING_FOUND)
        found = [recollection(hit) for hit in hits]
        return await self._worded(state, found) | Turn(recalled=found)

    async def _worded(self, state: Turn, found: Sequence[Recollection]) -> Turn:
        """Let the reasoning model word the answer; where it cannot, the facts speak for themselves."""
        said = f"{fenced(found, 'facts')}\n\n{fence('request', request_of(state).text)}"
        messages = [SystemMessage(prompt("knowledge")), HumanMessage(said)]
        reply = await ask(self._models, state, "reasoning", messages, step="answer")
        if isinstance(reply, Reply) and reply.text.strip():
            return Turn(calls=reply.calls, answer=reply.text, stop_reason=StopReason.COMPLETED)
        if isinstance(reply, Reply):
            return Turn(calls=reply.calls) | _done(sayings.raw(found, "the model gave no words"))
        why = reply.get("answer", "")
        return Turn(calls=reply.get("calls", state.get("calls", []))) | _done(sayings.raw(found, why))

    async def _forget(self, state: Turn, memory: Memory, thing: Told) -> Turn:
        """Forget what was told on exactly this subject; else say what there is, and how to choose."""
        user = self._user(state)
        chosen = Selection(subject=thing.subject, kinds=("fact",))
        try:
            there = await self._in_time(state, memory.list(user, chosen))
            if there:
                await self._in_time(state, memory.forget(user, chosen))
                return _done(sayings.forgotten(there, still_waits=await self._still_waits(state)))
            query = Query(text=looked_for(thing.text), max_results=_LISTED, min_score=self._choices.min_score)
            query = query.model_copy(update={"kinds": ("fact", "insight", "pattern", "episode")})
            near = await self._in_time(state, memory.search(user, query))
        except (MemoryStoreError, TimeoutError) as error:
            return _failed(sayings.not_forgotten(str(error) or "memory did not answer in time"))
        found = [hit.item for hit in near]
        return _done(sayings.unclear(thing.text, found, still_waits=await self._still_waits(state)))

    async def _still_waits(self, state: Turn) -> bool:
        """Whether something that this user told is not written yet; False where the queue cannot say."""
        if self._jobs is None:
            return False
        try:
            return await self._in_time(state, self._jobs.has_open("write", self._user(state)))
        except (MemoryStoreError, TimeoutError):
            return False

    def _user(self, state: Turn) -> str:
        """Whose memory this turn is about."""
        return request_of(state).user or self._choices.user

    async def _in_time(self, state: Turn, work: Awaitable[T]) -> T:
        """Wait for memory as long as it may take, and no longer than the turn may."""
        async with asyncio.timeout(min(KEEP_S, self._left(state))):
            return await work

    @staticmethod
    def _left(state: Turn) -> float:
        return max(0.0, seconds_left(request_of(state).limits, spending_of(state)))


def _done(answer: str) -> Turn:
    return Turn(answer=answer, stop_reason=StopReason.COMPLETED)


def _failed(answer: str) -> Turn:
    return Turn(answer=answer, stop_reason=StopReason.MEMORY_FAILED)
