"""What each turn of a benchmark came to, and the file from which a run goes on where it stopped."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from serving.faults import InputError
from serving.text import one_line, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from serving.bench.tasks import BenchTask

Key = tuple[str, str]
"""A mode and the id of a task."""


class Setup(BaseModel):
    """What a result depends on besides its mode and its task; results of two set-ups are never mixed.

    Attributes:
        reasoning_model: The reasoning role's chain.
        coding_model: The coding role's chain.
        limits: The limits of a turn, the tries and seconds of a call, the seconds of a verification, and what
            each role asks with, such as `coding.temperature`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reasoning_model: str
    coding_model: str
    limits: dict[str, int | float | None]


class Record(BaseModel):
    """One turn: a line of the results.

    Attributes:
        mode: One of `MODES`.
        id: The task's.
        task: The task's digest.
        setup: What else the result depends on.
        correct: Whether the judging tests passed; None when the turn could not be judged.
        problem: Why it was not judged, or what failed in a wrong answer; else empty.
        status: The turn's status, or `error` for a bug.
        stop_reason: Why the turn ended.
        verification: What the turn itself found out about its answer.
        repairs: Repairs used.
        calls: Attempts at models, failed ones too.
        input_tokens: Sent to models.
        output_tokens: Received from models.
        tokens_estimated: Whether a count is our estimate because a backend reported none.
        cost_usd: US dollars; None when the price of a model is unknown.
        seconds: Wall-clock seconds of the turn, judging not included.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: str
    id: str
    task: str
    setup: Setup
    correct: bool | None
    problem: str = ""
    status: str
    stop_reason: str = ""
    verification: str = "not_executed"
    repairs: int = 0
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    tokens_estimated: bool = False
    cost_usd: float | None = 0.0
    seconds: float = 0.0

    @property
    def key(self) -> Key:
        """The mode and the task."""
        return self.mode, self.id

    @property
    def plain(self) -> dict[str, Any]:
        """As it is written."""
        return self.model_dump(mode="json")


@dataclass
class Results:
    """The records so far: in memory, and in a file when there is one.

    Attributes:
        path: JSON lines, one record each; None keeps nothing.
        records: By mode and task.
    """

    path: Path | None = None
    records: dict[Key, Record] = field(default_factory=dict)
    _torn_at: int | None = None

    def load(self, tasks: Iterable[BenchTask], setup: Setup) -> None:
        """Read the file, if it exists, and see whether it can be gone on with.

        Records of other tasks stay in the file and count for nothing here.

        Raises:
            InputError: When it cannot be read or written, holds something else, or results of other models,
                limits or versions of a task.
        """
        if self.path is None:
            return
        digests = {task.id: task.digest for task in tasks}
        for number, line in enumerate(self._whole_lines(self.path), 1):
            if not line.strip():
                continue
            record = self._parse(line, number)
            digest = digests.get(record.id)
            if digest is None:
                continue
            where = f"{self.path}, line {number}"
            if digest != record.task:
                raise InputError(
                    f"{where}: the task {record.id!r} has changed since: name another --out file."
                )
            if difference := _difference(record.setup, setup):
                raise InputError(f"{where} was made with {difference}: name another --out file.")
            self.records[record.key] = record

    def done(self, key: Key) -> bool:
        """Whether a turn was judged before; one that was not is tried again."""
        return key in self.records and self.records[key].correct is not None

    def add(self, record: Record) -> None:
        """Keep a record; it is in the file when this returns.

        Raises:
            InputError: When the file cannot be written.
        """
        self.records[record.key] = record
        if self.path is None:
            return
        try:
            with self.path.open("ab") as stream:
                if self._torn_at is not None:
                    stream.truncate(self._torn_at)
                    self._torn_at = None
                stream.write(f"{to_json(record.plain)}\n".encode())
        except OSError as error:
            raise InputError(
                f"--out {self.path} cannot be written ({error.strerror}): make room, or name another file."
            ) from None

    def _whole_lines(self, path: Path) -> list[bytes]:
        """The lines of the file; the half line that a killed run left at its end is none."""
        try:
            is_other = path.exists() and not path.is_file()
        except (OSError, ValueError):
            is_other = False  # reading it says why
        if is_other:
            raise InputError(f"--out {path} is not a file: name one.")
        try:
            data = path.read_bytes() if path.exists() else b""
            writable = os.access(path if path.exists() else path.absolute().parent, os.W_OK)
        except (OSError, ValueError) as error:
            raise InputError(f"--out {path} cannot be read ({error}): name another file.") from None
        if not writable:
            raise InputError(
                f"--out {path} cannot be written: name a file in a folder that you may write to."
            )
        end = data.rfind(b"\n") + 1
        self._torn_at = end if end < len(data) else None
        return data[:end].split(b"\n")[:-1]

    def _parse(self, line: bytes, number: int) -> Record:
        try:
            return Record.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            what = f"{place}: {first['msg']}" if place else first["msg"]
            raise InputError(
                f"{self.path}, line {number} is no result of a benchmark ({one_line(what)}): "
                "name another --out file."
            ) from None


def _difference(then: Setup, now: Setup) -> str:
    """The first thing in which two set-ups differ, in words; empty when they are the same."""
    for name in ("reasoning_model", "coding_model"):
        before, after = getattr(then, name), getattr(now, name)
        if before != after:
            return f"{name} {before!r}, and now it is {after!r}"
    for name in sorted({*then.limits, *now.limits}):
        if then.limits.get(name) != now.limits.get(name):
            return f"{name} {then.limits.get(name)}, and now it is {now.limits.get(name)}"
    return ""
