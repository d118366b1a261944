"""What programs call to see and change an agent's memory, from sync and from async code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from checkpoints.settings import user_problem
from graph.archives import Ingested, ingest_folder
from memory import MemoryStoreError
from memory.drawing import MemoryGraph, memory_graph
from memory.records import Kind, MemoryStatus, Origin, Query, Selection
from nodes.facts import fact_record
from nodes.telling import fact
from nodes.wording import archives_of, vector_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memory import Memory
    from memory.archives import Options
    from memory.records import Hit, Item
    from nodes.remembering import Remembering
    from providers.direct.loop_thread import LoopThread
    from providers.embedding import Embedder

_EMBEDS_S = 10.0


class AgentMemory:
    """The memory of one user, the configured one unless `of` names another.

    Every method that reads or writes has an async twin whose name begins with `a`.

    Raises of every method but `status`: `MemoryStoreError` when memory cannot be read or written, or is off.
    """

    def __init__(
        self,
        memory: Memory | None,
        choices: Remembering,
        thread: LoopThread,
        *,
        embedder: Embedder | None = None,
    ) -> None:
        """Note whose.

        Args:
            memory: The store; None where there is none, and `choices.off` says why.
            choices: The user, and how much is found.
            thread: Runs the sync calls.
            embedder: Makes the vectors to search with, where they are compared.
        """
        self._memory = memory
        self._choices = choices
        self._thread = thread
        self._embedder = embedder

    @property
    def user(self) -> str:
        """Whose memory this is."""
        return self._choices.user

    def of(self, user: str) -> AgentMemory:
        """The memory of another user, on the same store; it is closed with the agent.

        Args:
            user: As in `Context(user_id=…)`.

        Raises:
            ValueError: When no user can have this name.
        """
        if problem := user_problem(user):
            raise ValueError(f"The user {user!r} cannot be: {problem}.")
        choices = replace(self._choices, user=user)
        return AgentMemory(self._memory, choices, self._thread, embedder=self._embedder)

    async def aremember(self, text: str, *, subject: str | None = None) -> str:
        """Keep a fact; see `remember`."""
        record = fact_record(fact(text), Origin(source="user"), subject)
        [kept] = await self._store.store(self._choices.user, [record])
        return kept

    def remember(self, text: str, *, subject: str | None = None) -> str:
        """Keep a fact, and give its id.

        Args:
            text: Such as «my birthday is July 25».
            subject: What it is about, so that it takes the place of an older fact on that; found by rules
                when left out, and none when empty.

        Raises:
            ValueError: When the text is empty, too long or holds half of a character.
        """
        return self._thread.run(self.aremember(text, subject=subject))

    async def asearch(
        self,
        text: str,
        *,
        kinds: Sequence[Kind] = (),
        archives: Sequence[str] = (),
        max_results: int | None = None,
        min_score: float | None = None,
    ) -> Sequence[Hit]:
        """Find what fits; see `search`."""
        store, user, choices = self._store, self._choices.user, self._choices
        vector, model = await vector_of(self._embedder, text, _EMBEDS_S)
        query = Query(
            text=text,
            kinds=tuple(kinds),
            archives=await archives_of(store, user, archives or choices.archives),
            max_results=choices.max_results if max_results is None else max_results,
            min_score=choices.min_score if min_score is None else min_score,
            vector=vector,
            vector_model=model,
        )
        return await store.search(user, query)

    def search(
        self,
        text: str,
        *,
        kinds: Sequence[Kind] = (),
        archives: Sequence[str] = (),
        max_results: int | None = None,
        min_score: float | None = None,
    ) -> Sequence[Hit]:
        """Find what fits best, best first.

        Args:
            text: In your words.
            kinds: Of which kinds; of all when left out.
            archives: In which archives; as configured, else in all, when left out.
            max_results: How many at most; as configured when left out.
            min_score: The least score, 0 to 1; as configured when left out.
        """
        return self._thread.run(
            self.asearch(text, kinds=kinds, archives=archives, max_results=max_results, min_score=min_score)
        )

    async def alist(
        self,
        selection: Selection | None = None,
        *,
        limit: int = 100,
        after: str = "",
    ) -> Sequence[Item]:
        """Give what is selected; see `list`."""
        selection = selection or Selection()
        return await self._store.list(self._choices.user, selection, limit=limit, after=after)

    def list(
        self,
        selection: Selection | None = None,
        *,
        limit: int = 100,
        after: str = "",
    ) -> Sequence[Item]:
        """Give what is selected, oldest first, in pages.

        Args:
            selection: What; everything when left out.
            limit: How many at most.
            after: The id of the last item of the page before.
        """
        return self._thread.run(self.alist(selection, limit=limit, after=after))

    async def agraph(self, selection: Selection | None = None, *, limit: int = 100) -> MemoryGraph:
        """Give what is selected as a graph; see `graph`."""
        return await memory_graph(self._store, self._choices.user, selection, limit=limit)

    def graph(self, selection: Selection | None = None, *, limit: int = 100) -> MemoryGraph:
        """Give records with what they are about and where they come from, to look at or to draw.

        A notebook shows it as a drawing; `draw_mermaid` gives its source.

        Args:
            selection: Which records; all when left out.
            limit: How many records at most, oldest first.
        """
        return self._thread.run(self.agraph(selection, limit=limit))

    async def aforget(self, selection: Selection) -> int:
        """Delete what is selected; see `forget`."""
        return await self._store.forget(self._choices.user, selection)

    def forget(self, selection: Selection) -> int:
        """Delete what is selected, and say how many records that were.

        Args:
            selection: Such as `Selection(subject="my birthday")`.

        Raises:
            ValueError: When the selection is everything.
        """
        return self._thread.run(self.aforget(selection))

    async def aingest(
        self, path: str | Path, *, archive: str | None = None, options: Options | None = None
    ) -> Ingested:
        """Keep a folder's or a file's text as an archive; see `ingest`."""
        store, user = self._store, self._choices.user
        return await ingest_folder(
            store, user, path, archive=archive, embedder=self._embedder, options=options
        )

    def ingest(
        self, path: str | Path, *, archive: str | None = None, options: Options | None = None
    ) -> Ingested:
        """Keep a folder's or a file's text as an archive, and forget what is gone from it.

        Args:
            path: The folder or the file.
            archive: The archive's name; like the folder's when left out.
            options: How files are read.

        Raises:
            ArchiveError: When the path cannot be read, or the archive was made from another folder.
        """
        return self._thread.run(self.aingest(path, archive=archive, options=options))

    async def astatus(self) -> MemoryStatus:
        """Say whether it can be used, and what it holds; see `status`."""
        if self._memory is None:
            return off_status(self._choices.off)
        return await self._memory.status(self._choices.user)

    def status(self) -> MemoryStatus:
        """Say whether it can be used, and what it holds; never raises for a store that does not answer."""
        return self._thread.run(self.astatus())

    @property
    def _store(self) -> Memory:
        if self._memory is None:
            raise MemoryStoreError(f"There is no memory: {self._choices.off or NO_MEMORY}")
        return self._memory


NO_MEMORY = "the agent was made with services that have none."


def off_status(why: str) -> MemoryStatus:
    """The status of no memory."""
    return MemoryStatus(backend="off", place="", is_available=False, problem=why or NO_MEMORY)
