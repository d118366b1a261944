"""What a memory offers, and how it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from memory.records import Hit, Item, MemoryStatus, Query, Record, Selection


class MemoryStoreError(Exception):
    """Memory cannot be read or written; one sentence says why and what to do."""


class MemoryUnavailableError(MemoryStoreError):
    """The server does not answer now; later it may."""


class MemorySettingsError(MemoryStoreError):
    """The settings name a server that refuses this user, or lacks this database: somebody must mend them."""


class Memory(Protocol):
    """Records by namespace: what one namespace holds, no other ever sees.

    Safe to use from any event loop and any thread. Nothing is contacted before the first call.
    """

    async def store(self, namespace: str, records: Sequence[Record]) -> Sequence[str]:
        """Keep records, all or none, and give their ids in order.

        A record that is there gets one origin more; with an origin of the same session and turn (where they
        are given, else with the very same origin) nothing changes, so that a job may be done twice. A fact
        with a subject takes the place of the one that held on that subject, which stays with its time; one
        that was superseded holds again, since its new origin. What is stored last holds, whatever clocks
        say, and nothing ends before it began.

        Raises:
            MemoryStoreError: When they cannot be kept.
        """
        ...

    async def replace(self, namespace: str, selection: Selection, records: Sequence[Record]) -> Sequence[str]:
        """Forget what is selected and keep these records, both or neither; see `store`.

        Raises:
            MemoryStoreError: When that cannot be done.
            ValueError: When the selection is everything.
        """
        ...

    async def search(self, namespace: str, query: Query) -> Sequence[Hit]:
        """Find what fits best, best first.

        Raises:
            MemoryStoreError: When it cannot be read.
        """
        ...

    async def list(
        self, namespace: str, selection: Selection, *, limit: int = 100, after: str = ""
    ) -> Sequence[Item]:
        """Give what is selected, oldest first (by the time of the first origin, then by id), in pages.

        Args:
            namespace: Whose.
            selection: What; everything when it says nothing.
            limit: How many at most.
            after: The id of the last item of the page before.

        Raises:
            MemoryStoreError: When it cannot be read, or `after` is no longer there.
        """
        ...

    async def forget(self, namespace: str, selection: Selection) -> int:
        """Delete what is selected, with vectors and origins, and say how many records that were.

        When the fact that holds on a subject is forgotten, the one before it does not hold again.

        Raises:
            MemoryStoreError: When it cannot be deleted.
            ValueError: When the selection is everything.
        """
        ...

    async def restore(self, namespace: str, items: Sequence[Item]) -> int:
        """Keep items as another memory gave them, with their times; those that are there stay as they are.

        A fact that holds comes in as superseded where another one holds on its subject already.

        Returns:
            How many were new.

        Raises:
            MemoryStoreError: When they cannot be kept; none is then.
        """
        ...

    async def without_vector(self, namespace: str, model: str, *, limit: int = 100) -> Sequence[Item]:
        """Give records that hold and have no vector of this model yet, newest first.

        Raises:
            MemoryStoreError: When it cannot be read.
        """
        ...

    async def set_vectors(self, namespace: str, model: str, vectors: Mapping[str, Sequence[float]]) -> None:
        """Keep vectors by record id; those of records that are gone are dropped.

        Raises:
            MemoryStoreError: When they cannot be kept.
            ValueError: When they are not all of one length, also with those that are there, or hold what is
                no number.
        """
        ...

    async def revisions(self, namespace: str, archive: str) -> Mapping[str, str]:
        """The files of an archive and the revision that is kept of each.

        Raises:
            MemoryStoreError: When it cannot be read.
        """
        ...

    async def archives(self, namespace: str) -> Mapping[str, int]:
        """The archives and how many chunks each has.

        Raises:
            MemoryStoreError: When it cannot be read.
        """
        ...

    async def status(self, namespace: str) -> MemoryStatus:
        """Say whether it can be used, and what it holds; never raises for a store that does not answer."""
        ...

    async def aclose(self) -> None:
        """Close what is open; a second call does nothing."""
        ...
