"""The one writer of a saver: all that is queued goes into one transaction, and a busy file is waited for."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from checkpoints.faults import closed, explain, forked, is_busy
from checkpoints.protocol import DatabaseError
from checkpoints.sqlite.jobs import Put, PutWrites
from checkpoints.sqlite.ledger import Ledger
from checkpoints.sqlite.pace import SHORT_BYTES, Pace
from checkpoints.sqlite.posts import Posts
from checkpoints.sqlite.receipts import LoopReceipt, PostReceipt, Receipt, ThreadReceipt
from checkpoints.sqlite.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from checkpoints.sqlite.line import Group
    from checkpoints.sqlite.writes import Job

T = TypeVar("T")

# Short and uneven, so that two processes take turns; SQLite's own handler sleeps for up to 100 ms.
_LONGEST_NAP_S = 0.005

_SLICE_PAGES = 64
_FREE_PAGES = 64

_LOG_PAGES = 1000
"""Pages in the log from which on it is folded into the file: as many as SQLite's default."""

_LEAST_SHARE = 0.25
_TREE_PAGES = 6
_PAGE_BYTES = 4096


class Writer:
    """The one that writes to a file."""

    def __init__(
        self, conn: sqlite3.Connection, *, place: str, busy_timeout_s: float, keep_turns: int | None
    ) -> None:
        """Take over `conn`, and close it at the end.

        Args:
            conn: In autocommit mode, usable from any thread, without a busy handler of its own.
            place: The database as messages name it.
            busy_timeout_s: Seconds to wait for another process's lock.
            keep_turns: How many turns stay open to time travel; None for all.
        """
        self._conn = conn
        self._place = place
        self._process = os.getpid()
        self._busy_timeout_s = busy_timeout_s
        self._ledger = Ledger(conn, keep_turns=keep_turns)
        self._gives_back = False
        # Folding the log waits for the disk, as a commit does not: the thread does it, and the first commit
        # of a new log, which waits as well.
        conn.execute("PRAGMA wal_autocheckpoint=0").fetchall()
        self._log_pages = 0.0
        # Of the pages that a commit writes at most, those that commits wrote of late: rows share pages.
        self._share = 1.0
        self._begins_log = True
        self._pace = Pace()
        self._posts = Posts()
        self._worker: Worker[Job[Any]] = Worker(
            self._commit_group,
            name="checkpoints-writer",
            at_rest=self._rest,
            # LangGraph waits for no task's writes, and mostly stores the next checkpoint right after them.
            can_wait=lambda job: isinstance(job, PutWrites),
            at_once=self._commit_here,
        )

    def run(self, job: Job[T]) -> T:
        """Apply a job and wait until it is committed; blocks.

        Raises:
            DatabaseError: When SQLite reports an error, or the writer was closed.
        """
        receipt: ThreadReceipt[T] = ThreadReceipt()
        self._submit(job, receipt, None)
        return receipt.wait()

    def arun(self, job: Job[T]) -> Awaitable[T]:
        """Apply a job and await its commit; the job ends before a cancellation goes on.

        Raises:
            DatabaseError: When SQLite reports an error, or the writer was closed.
        """
        # No coroutine of its own: hundreds may be waiting, and the garbage collector walks through them.
        receipt: LoopReceipt[T] = LoopReceipt()
        self._submit(job, receipt, receipt.loop)
        return receipt.wait()

    def post(self, job: PutWrites) -> None:
        """Apply a task's writes soon, and before what comes later; called in an event loop.

        Nobody waits: when they cannot be stored, the checkpoint that follows fails with what was wrong.

        Raises:
            DatabaseError: When the writer was closed.
        """
        receipt = self._posts.open(job.thread)
        try:
            self._submit(job, receipt, asyncio.get_running_loop())
        except DatabaseError:
            receipt.announce()
            raise

    def is_behind(self, thread: str | None) -> bool:
        """Tell whether something posted is not committed yet, of a thread or, when it is None, of any."""
        return self._posts.are_open(thread)

    def close(self) -> None:
        """Finish what is queued, fold the log into the file and close it; a second call does nothing."""
        if self._process != os.getpid():
            return  # the file belongs to the process that we were forked from
        self._worker.close()
        while self._give_back_a_slice():
            pass
        with suppress(sqlite3.Error):
            # Another reader may be using the log: then the last one to close folds it in.
            self._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._conn.close()

    def _submit(self, job: Job[Any], receipt: Receipt[Any], loop: asyncio.AbstractEventLoop | None) -> None:
        if self._process != os.getpid():
            raise forked(self._place)
        if not self._worker.submit(job, receipt, loop):
            raise closed(self._place)

    def _commit_group(self, group: Group[Job[Any]]) -> None:
        try:
            self._refuse_after_loss(group)
            self._commit(group)
        except Exception as error:  # noqa: BLE001  # goes to those who wait
            if len(group) == 1 or (isinstance(error, sqlite3.Error) and is_busy(error)):
                told = explain(error, self._place) if isinstance(error, sqlite3.Error) else error
                for job, receipt in group:
                    self._tell(job, receipt, told)
                return
            # One of them failed, and the others must not suffer for it.
            for one in group:
                self._commit_group([one])

    def _tell(self, job: Job[Any], receipt: Receipt[Any], error: Exception) -> None:
        receipt.error = error
        if isinstance(job, PutWrites) and isinstance(receipt, PostReceipt):
            self._posts.lose(job, error)
        elif isinstance(job, Put):
            self._posts.tell(job)

    def _refuse_after_loss(self, group: Group[Job[Any]]) -> None:
        for job, _ in group if self._posts.has_lost else ():
            if isinstance(job, Put):
                self._posts.refuse(job)

    def _commit_here(self, group: Group[Job[Any]]) -> bool:
        """Commit small jobs in an event loop: a thread beside it would take longer, and hold it up as well.

        Whatever might wait for a lock or for the disk is left to the thread, and so is what fails.
        """
        if self._begins_log or self._log_pages >= 4 * _LOG_PAGES or not self._is_small(group):
            return False
        if not self._pace.is_quick:
            return False
        with self._pace.measured(), suppress(Exception):  # the thread meets it again, and tells it
            try:
                self._refuse_after_loss(group)
                # Refused when another process is writing, or where something watches for blocking calls.
                self._conn.execute("BEGIN IMMEDIATE")
                self._apply(group)
            finally:
                self._end_transaction()
            if self._log_pages >= _LOG_PAGES:
                self._worker.rest()
            return True
        return False

    def _is_small(self, group: Group[Job[Any]]) -> bool:
        weight = 0
        for job, _ in group:
            if isinstance(job, Put):
                if job.may_prune(self._ledger):
                    return False
            elif not isinstance(job, PutWrites):
                return False
            weight += job.weight
        return weight <= SHORT_BYTES

    def _commit(self, group: Group[Job[Any]]) -> None:
        self._begin()
        self._apply(group)
        self._begins_log = False
        if self._log_pages >= 4 * _LOG_PAGES:
            self._fold_log()  # there was no rest to do it in

    def _apply(self, group: Group[Job[Any]]) -> None:
        """Do the jobs in the transaction that was begun, and end it."""
        before = self._conn.total_changes
        try:
            self._ledger.begin(gathers=len(group) > 1)
            for job, receipt in group:
                receipt.result = job.apply(self._ledger)
            self._ledger.flush()
            self._conn.execute("COMMIT")
        except BaseException:
            self._end_transaction()
            self._ledger.forget()
            raise
        for job, _ in group if self._posts.has_lost else ():
            if isinstance(job, PutWrites):
                self._posts.find(job)
        self._gives_back = self._gives_back or self._ledger.has_deleted
        self._ledger.has_deleted = False
        # At most: a page for each row, and those above it.
        written, self._ledger.written = self._ledger.written, 0
        most = _TREE_PAGES + self._conn.total_changes - before + written // _PAGE_BYTES
        self._log_pages += most * self._share

    def _rest(self) -> bool:
        """Do a little of what can wait; tells whether there is more."""
        if self._log_pages >= _LOG_PAGES:
            self._fold_log()
        return self._give_back_a_slice()

    def _fold_log(self) -> None:
        """Write the log into the file, as far as no reader needs it, so that it begins anew."""
        guessed, self._log_pages = self._log_pages, 0.0
        self._begins_log = True
        with suppress(sqlite3.Error):  # space is no reason to fail; it is tried again
            # Not `PASSIVE`: another process that goes on writing would keep the log from ever beginning anew.
            # There is no busy handler, so this waits for nobody: what is in use is left as it is.
            refused, pages, _ = self._conn.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
            if refused and pages < 0:
                self._log_pages = guessed / 2  # another process is at it
            elif pages > 0 and guessed and not refused:
                self._share = min(max(self._share * pages / guessed, _LEAST_SHARE), 1.0)
            self._begin_log()

    def _begin_log(self) -> None:
        """Make the first commit of a new log, which waits for the disk, so that no event loop has to."""
        try:
            self._conn.execute("BEGIN IMMEDIATE")
            self._conn.execute("UPDATE duograph_meta SET value = value WHERE name = 'version'")
            self._conn.execute("COMMIT")
            self._begins_log = False
        finally:
            self._end_transaction()

    def _end_transaction(self) -> None:
        """Give up a transaction that was begun and not ended, whatever came between."""
        if self._conn.in_transaction:
            with suppress(sqlite3.Error):
                self._conn.execute("ROLLBACK")

    def _begin(self) -> None:
        deadline = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                self._conn.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not is_busy(error) or time.monotonic() >= deadline:
                    raise
            else:
                return
            time.sleep(random.uniform(0, _LONGEST_NAP_S))  # noqa: S311  # no secret

    def _give_back_a_slice(self) -> bool:
        """Give some free pages back to the system; tells whether there are more."""
        if not self._gives_back:
            return False
        try:
            (free,) = self._conn.execute("PRAGMA freelist_count").fetchone()
            # A few stay, as the next turn needs them.
            self._gives_back = free > _FREE_PAGES
            if self._gives_back:
                self._conn.execute(f"PRAGMA incremental_vacuum({_SLICE_PAGES})").fetchall()
        except sqlite3.Error:
            self._gives_back = False  # space is no reason to fail; the next deletion tries again
        return self._gives_back
