"""Cases that need the solution in their own process: a fork that runs them as well as it can be guarded.

It reports to the judge, never to the relay, and the judge takes only those cases from it that it could
not decide itself.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any, TypeAlias

    from sandbox.inside.channel import Channel, Gone
    from sandbox.inside.codec import Malformed, dumps, loads
    from sandbox.inside.intact import Pin, conceal, keeper
    from sandbox.inside.records import clip

    Outcomes: TypeAlias = dict[str, list[tuple[str, bool, str] | None]]
else:
    from channel import Channel, Gone
    from codec import Malformed, dumps, loads
    from intact import conceal, keeper
    from records import clip

_LOST = 70
_MOST_TEXT = 4000
_CHANGED = "problem", "", "", False, "the solution changed what runs its tests"


class SharedReport:
    """What the fork says; the nonce and the counter live in a closure that nobody can open."""

    def __init__(self, send: Callable[..., None], pin: Pin, whole: Callable[[], bool]) -> None:
        """Say it with `send`.

        Args:
            send: Sends a message, while all is as it was.
            pin: Adds to what has to stay as it is.
            whole: Whether all is as it was.
        """
        self._say = conceal(send)
        self.pin = conceal(pin)
        self._whole = conceal(whole)

    def verify(self) -> None:
        """End the process if what judges is not what it was."""
        if not self._whole():
            self._say(*_CHANGED)

    def trying(self, name: str, key: str = "") -> None:
        """A case begins."""
        self._say("trying", key, clip(name, 160), True, "")  # noqa: FBT003 - a message

    def case(
        self, name: str, *, passed: bool, detail: str = "", key: str = "", outside: bool = False
    ) -> None:
        """A case is decided; nobody here is outside."""
        self._say(
            "case", key or name, clip(name, 160), passed is True and not outside, clip(detail, _MOST_TEXT)
        )

    def set_aside(self, key: str) -> None:
        """A generated case asserted nothing."""
        self._say("aside", key, "", True, "")  # noqa: FBT003 - a message

    def skip(self, key: str) -> None:
        """A case is none, by what the tests' own source says."""
        self._say("skip", key, "", True, "")  # noqa: FBT003 - a message

    def problem(self, detail: str) -> None:
        """It cannot be run."""
        self._say("problem", "", "", False, clip(detail, _MOST_TEXT))  # noqa: FBT003 - a message

    def end(self) -> None:
        """All was said."""
        self._say("end", "", "", True, "")  # noqa: FBT003 - a message


def sender(nonce: bytes, channel: Channel, intact: Callable[[], bool]) -> Callable[..., None]:
    """A function that sends messages in order, from this process only, and while all is `intact`."""
    count = 0
    pack, send, process, leave, changed = dumps, channel.send, os.getpid, os._exit, _CHANGED
    owner = process()

    def say(*parts: object) -> None:
        nonlocal count
        if process() != owner:
            # A fork that came back from the solution must not try an answer of its own.
            leave(_LOST)
        kept = intact()
        data = pack((nonce, count, *(parts if kept else changed)))
        count += 1
        send(data)
        if not kept:
            leave(_LOST)

    return say


class Sharing:
    """Runs one step of tests in a fork."""

    def __init__(self, trying: Callable[[str], None], modules: list[ModuleType]) -> None:
        """Hear with `trying` which case is running; `modules` are those of ours."""
        self._trying = trying
        self._modules = modules
        self.problem = ""
        self.outcomes: Outcomes = {}
        self.skipped: set[str] = set()

    def run(self, work: Callable[[SharedReport], None], shut: Callable[[], None]) -> int | None:
        """Fork, run `work` there, collect.

        Args:
            work: What to do in the fork.
            shut: Closes, in the fork, what is the judge's alone.

        Returns:
            None when all was said, else the wait status of a fork that ended too early.
        """
        nonce = os.urandom(16)
        read, write = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os.close(read)
            try:
                shut()
                whole, pin = keeper(self._modules)
                report = SharedReport(sender(nonce, Channel(-1, write), whole), pin, whole)
                nonce = b""
                work(report)
                report.end()
            except BaseException:  # noqa: BLE001 - the judge notices that the end is missing
                os._exit(_LOST)
            os._exit(0)
        os.close(write)
        done = self._collect(nonce, Channel(read, -1))
        os.close(read)
        if done:
            os.kill(child, 9)
        status = os.waitpid(child, 0)[1]
        return None if done else status

    def _collect(self, nonce: bytes, channel: Channel) -> bool:
        count = 0
        while True:
            try:
                data = channel.receive()
            except (Gone, Malformed):
                return False
            message = _parse(data, nonce, count)
            if message is None:
                # Whoever writes here without the nonce or out of turn is not our part of the fork.
                continue
            count += 1
            if self._take(*message):
                return True

    def _take(self, kind: str, key: str, name: str, passed: bool, detail: str) -> bool:  # noqa: FBT001
        if kind == "trying":
            self._trying(name)
        elif kind == "case":
            self.outcomes.setdefault(key, []).append((name, passed, detail))
        elif kind == "aside":
            self.outcomes.setdefault(key, []).append(None)
        elif kind == "skip":
            self.skipped.add(key)
        elif kind == "problem":
            self.problem = detail
        return kind == "end"


def _parse(data: bytes, nonce: bytes, count: int) -> Any:  # noqa: ANN401 - a message's parts
    try:
        message = loads(data)
    except Malformed:
        return None
    kinds = [type(part) for part in message] if type(message) is tuple else []
    if kinds != [bytes, int, str, str, str, bool, str] or message[0] != nonce or message[1] != count:
        return None
    return message[2:]
