"""The worker: the process that has the solution and does with it what the judge asks.

It holds two pipes to the judge and nothing else: no nonce, no way to report, no source of tests.
What it answers is the solution's word, and the judge takes it as no more than that.
"""

from __future__ import annotations

import operator
import os
import sys
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from sandbox.inside.channel import Channel, Gone
    from sandbox.inside.codec import CannotCross, Malformed, Reader, Writer, loads
    from sandbox.inside.importing import import_one, make_way, names_of, settle_in
    from sandbox.inside.kinds import COMPARING, IMMUTABLE, describe_class
    from sandbox.inside.peer import (
        CLASS,
        DOUBT,
        ERROR,
        OWN,
        REPLY,
        REQUEST,
        Peer,
        forget_traces,
    )
    from sandbox.inside.stubs import make_stub

    Untyped: TypeAlias = Any  # the solution's objects
else:
    from channel import Channel, Gone
    from codec import CannotCross, Malformed, loads
    from importing import import_one, make_way, names_of, settle_in
    from kinds import COMPARING, IMMUTABLE, describe_class
    from peer import CLASS, DOUBT, ERROR, OWN, REPLY, REQUEST, Peer, forget_traces
    from stubs import make_stub

_LOST = 70


class Worker(Peer):
    """Serves the judge's requests until it is gone."""

    def __init__(self, channel: Channel, folder: str) -> None:
        """Serve what comes over `channel`."""
        super().__init__(channel, 1, folder)
        import _thread  # noqa: PLC0415 - a built-in module

        self._all: dict[str, Untyped] = {}
        self._turn = _thread.RLock()
        self._serving = 0
        self._late = False
        self._process, self._leave, self._flush = os.getpid, os._exit, sys.stdout.flush
        self._owner = os.getpid()
        self._doing: dict[str, Callable[..., Untyped]] = {
            "importing": make_way,
            "import": lambda name: import_one(name, self._folder),
            "imported": self._imported,
            "names": self._names,
            "module": self._module,
            "call": lambda target, args, more: target(*args, **dict(more)),
            "method": lambda target, name, args, more: getattr(target, name)(*args, **dict(more)),
            "special": self._special,
            "claims": self._claims,
            "get": self._get,
            "item": operator.getitem,
            "set": setattr,
            "del": delattr,
            "isinstance": isinstance,
        }

    def serve(self, *, nested: bool = False) -> tuple[bytes, list[Untyped]]:
        """Answer requests; a nested call comes back with the judge's answer to ours."""
        while True:
            kind, values = self.unpack(self._channel.receive())
            if kind == REQUEST:
                self._answer(values)
            elif nested:
                return kind, values
            else:
                raise Malformed("an answer to nothing")

    def _answer(self, values: list[Untyped]) -> None:
        self._serving += 1
        kind = REPLY
        reply: list[Untyped] = []
        try:
            reply.append(self._do(values))
        except CannotCross as doubt:
            kind = DOUBT
            reply.append(str(doubt))
        except (Gone, Malformed):
            raise
        except BaseException as error:  # noqa: BLE001 - the judge will raise it
            kind = ERROR
            reply.append(error)
        self._say(kind, reply)
        self._serving -= 1

    def _do(self, values: list[Untyped]) -> Untyped:
        name, *operands = values
        values.clear()
        return self._doing[name](*operands)

    def _say(self, kind: bytes, values: list[Untyped]) -> None:
        with self._turn:
            if self._late:
                self._late, kind = False, DOUBT
                values[:] = ["the solution called a function of the tests when nobody asked it anything"]
            error = values[0] if kind == ERROR else None
            try:
                data = self.pack(kind, values)
            except CannotCross as doubt:
                data = self.pack(DOUBT, [str(doubt)])
            if error is not None:
                forget_traces(error)
            self._send(data)

    def _send(self, data: bytes) -> None:
        try:
            self._flush()
        except (OSError, ValueError):
            # The solution closed its output, which is its own affair.
            self._flush = int
        if self._process() != self._owner:
            # A fork that came back from the solution must not try an answer of its own.
            self._leave(_LOST)
        self._channel.send(data)

    def ask(self, name: str, *operands: Untyped) -> Untyped:
        """Have the judge do something with an object of the tests."""
        if not self._serving:
            self._late = True
            raise RuntimeError("nobody asked the solution anything")
        with self._turn:
            values = [name, *operands]
            operands = ()
            self._send(self.pack(REQUEST, values))
            kind, values = self.serve(nested=True)
            if kind == REPLY:
                return values.pop()
            raise values.pop()

    # What the judge asks for.

    def _imported(self, modules: Untyped) -> None:
        self._all = names_of(list(modules))

    def _names(self, wanted: Untyped) -> Untyped:
        return tuple((name, self._all[name]) for name in wanted if name in self._all)

    def _module(self, name: str) -> Untyped:
        __import__(name)
        return sys.modules[name]

    @staticmethod
    def _get(target: Untyped, name: str) -> Untyped:
        if name == "__all__" and type(target) is types.ModuleType and "__all__" not in vars(target):
            return [each for each in vars(target) if type(each) is str and not each.startswith("_")]
        return getattr(target, name)

    @staticmethod
    def _special(target: Untyped, name: str, args: Untyped) -> Untyped:
        outcome = getattr(type(target), name)(target, *args)
        if name in COMPARING and outcome is not NotImplemented and type(outcome) is not bool:
            raise CannotCross(f"a comparison that gives an object of type {type(outcome).__name__}")
        return outcome

    @staticmethod
    def _claims(target: Untyped, name: str, value: Untyped) -> bool | None:
        """Whether an object claims to equal a value, to hold it, or to come before or after it."""
        try:
            outcome = getattr(type(target), name)(target, value)
            if name == "__contains__":
                return bool(outcome)
        except Exception:  # noqa: BLE001 - the solution's own
            return None
        return outcome is (name != "__ne__") if type(outcome) is bool else None

    # References.

    def write_object(self, writer: Writer, value: Untyped, depth: int) -> None:
        """Write an object of the solution, or the judge's own number of one of the tests'."""
        if isinstance(value, type):
            self._write_class(writer, value, depth)
        else:
            writer.out += OWN
            writer.size(self.number(value))
            self._write_class(writer, type(value), depth)
            writer.put(_base_value(value), depth)
            facts = ("__name__", "__qualname__", "__module__", "__doc__")
            known = tuple(getattr(value, name, None) for name in facts) if type(value) in _NAMED else ()
            writer.put(tuple(each if type(each) is str else None for each in known), depth)

    def _write_class(self, writer: Writer, kind: type, depth: int) -> None:
        writer.out += CLASS
        number = self.number(kind)
        writer.size(number)
        if number in self._told:
            writer.put(None)
            return
        self._told.add(number)
        described, bases = describe_class(kind)
        writer.put(described, depth)
        writer.many(bases, depth)

    def read_object(self, reader: Reader, number: int, depth: int) -> Untyped:
        """Read a function or an iterator of the tests."""
        facts = reader.get(depth)
        known = self._peers.get(number)
        if known is None:
            known = make_stub(self.ask, number, facts)
            self.keep(number, known)
        return known

    def read_class(self, reader: Reader, depth: int) -> Untyped:
        """Read a class of exceptions that the tests define."""
        number, facts, bases = reader.size(), reader.get(depth), reader.many(depth)
        known = self._peers.get(number)
        if known is None:
            kind = type(bases[0])
            known = kind(facts[0], tuple(bases), {"__module__": "tests"})
            self.keep(number, known)
        return known


_NAMED = frozenset((types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType))


def _base_value(value: Untyped) -> Untyped:
    """The built-in value within an instance of a subclass of an immutable type."""
    base: Untyped = next((base for base in IMMUTABLE if isinstance(value, base)), None)
    if base is None:
        return None
    if base in (tuple, frozenset):
        return base(base.__iter__(value))
    return base.__getnewargs__(value)[0]


def main(read: int, write: int) -> None:
    """Serve until the judge is gone; what it needs to know comes first."""
    channel = Channel(read, write)
    folder, inside, site = loads(channel.receive())
    settle_in(folder, inside, list(site))
    leave = os._exit
    try:
        Worker(channel, folder).serve()
    except Gone:
        leave(0)
