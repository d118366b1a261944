"""The judge's end of the pipes to the worker: requests, callbacks, and what may be believed of a case."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn, TypeAlias

    from sandbox.inside.channel import Channel, Gone
    from sandbox.inside.codec import CannotCross, Malformed, Reader, Writer
    from sandbox.inside.kinds import COMPARING
    from sandbox.inside.parameters import describe_callable
    from sandbox.inside.peer import (
        CLASS,
        DOUBT,
        ERROR,
        OWN,
        REPLY,
        REQUEST,
        Peer,
    )
    from sandbox.inside.remote import RemoteClass, make_class, make_object

    Untyped: TypeAlias = Any  # what the solution gives
else:
    from channel import Gone
    from codec import CannotCross, Malformed
    from kinds import COMPARING
    from parameters import describe_callable
    from peer import CLASS, DOUBT, ERROR, OWN, REPLY, REQUEST, Peer
    from remote import RemoteClass, make_class, make_object

_DEEPEST = 80
_FUNCTIONS = ("function", "builtin_function_or_method", "method", "module")


class Session(Peer):
    """Asks the worker; believes nothing but values."""

    def __init__(self, channel: Channel, folder: str, lost: Callable[[str], NoReturn]) -> None:
        """Ask over `channel`; when nothing more can be learned there, `lost` does not come back."""
        super().__init__(channel, 0, folder)
        self._lost = lost
        self._depth = 0
        self._broken = self._doubt_before = ""
        self._lasting = self._referred_before = False
        self._offered: dict[int, Untyped] = {}
        self._bound: dict[tuple[int, str], Untyped] = {}
        self._plain: set[int] = set()
        self._callable: set[int] = set()
        self._doubtful: dict[int, str] = {}
        self._fetching = self._comparing = False
        self.referred = False
        self.doubt = ""
        # What a case comes to in which an object claimed more than is honest.
        self.caught: Callable[[str], BaseException] = AssertionError

    # One case.

    def begin(self, *, lasting: bool) -> None:
        """A case begins; what it makes lasts when it is a statement of the module."""
        self._referred_before |= self.referred and self._lasting
        self._lasting = lasting
        self.referred = self._referred_before
        self.doubt = self._broken or self._doubt_before

    def open_to_doubt(self, *, passed: bool) -> bool:
        """Whether the case's outcome may be due to likenesses, so that it has to be found without them."""
        return bool(self.doubt) or (self.referred and not passed)

    # Requests.

    def request(self, name: str, *operands: Untyped) -> Untyped:
        """Have the worker do something.

        Raises:
            CannotCross: When that has no likeness here.
            BaseException: What the solution raised.
        """
        if self._broken:
            raise CannotCross(self._broken)
        if self._depth > _DEEPEST:
            raise self.refuse("calls to and fro, nested too deeply")
        self._comparing = name in ("special", "claims") and operands[1] in COMPARING
        values = [name, *operands]
        operands = ()
        try:
            message = self.pack(REQUEST, values)
        except CannotCross as doubt:
            self.doubt = str(doubt)
            raise
        self._depth += 1
        try:
            kind, values = self._exchange(message)
        except Gone:
            self._lost("")
        except Malformed:
            self._lost("it sent what no solution sends")
        except BaseException:
            # Out of step with the worker; whatever comes next could be an answer to this.
            self._broken = self.doubt = "an exchange with the solution was interrupted"
            raise
        finally:
            self._depth -= 1
        if kind == ERROR:
            raise self._error(values)
        if kind == DOUBT:
            raise self.refuse(str(values[0])[:300])
        return values.pop()

    def _exchange(self, message: bytes) -> tuple[bytes, list[Untyped]]:
        self._channel.send(message)
        while True:
            kind, values = self.unpack(self._channel.receive())
            if kind in (REPLY, ERROR, DOUBT):
                if len(values) != 1 or (kind == ERROR and not isinstance(values[0], BaseException)):
                    raise Malformed("an answer")
                return kind, values
            if kind != REQUEST:
                raise Malformed("a kind")
            self._channel.send(self._serve(values))

    def _error(self, values: list[Untyped]) -> BaseException:
        error: BaseException = values.pop()
        return error.with_traceback(None)

    def refuse(self, reason: str) -> CannotCross:
        """What to raise where no likeness is good enough; the case will be found without likenesses."""
        self.doubt = self.doubt or reason
        return CannotCross(reason)

    def _serve(self, values: list[Untyped]) -> bytes:
        """Do what the worker asks for: call a function of the tests, or get an iterator's next value."""
        try:
            kind, reply = REPLY, [self._do(values)]
        except Malformed:
            raise
        except BaseException as error:  # noqa: BLE001 - the solution is to see it
            kind, reply = ERROR, [_harmless(error)]
        try:
            return self.pack(kind, reply)
        except CannotCross as doubt:
            self.doubt = str(doubt)
            return self.pack(ERROR, [RuntimeError(str(doubt))])

    def _do(self, values: list[Untyped]) -> Untyped:
        name, number, *operands = values
        values.clear()
        target = self._offered.get(number) if type(number) is int else None
        if target is None or name not in ("call", "next"):
            raise Malformed("a request")
        if name == "next":
            return next(target)
        args, more = operands
        if type(args) is not tuple or not all(type(pair) is tuple for pair in more):
            raise Malformed("arguments")
        return target(*args, **dict(more))

    def call(self, target: Untyped, args: Untyped, more: Untyped) -> Untyped:
        """Call a function or a class of the solution."""
        return self.request("call", target, args, tuple(more.items()))

    def get(self, target: Untyped, name: str) -> Untyped:
        """Get an attribute."""
        return self.request("get", target, name)

    def special(self, target: Untyped, name: str, args: Untyped) -> Untyped:
        """Call a special method."""
        return self.request("special", target, name, args)

    def claims(self, target: Untyped, name: str, value: Untyped) -> bool | None:
        """Whether an object, asked by a special method, claims a value; None when it does not say."""
        said = self.request("claims", target, name, value)
        return said if type(said) is bool else None

    def fetch(self, name: str, *operands: Untyped) -> Untyped:
        """Request something of a module, whose functions are no more than a way to call them."""
        self._fetching = True
        try:
            return self.request(name, *operands)
        finally:
            self._fetching = False

    # References.

    def refer(self, writer: Writer, value: Untyped, depth: int) -> None:
        """Write what is no data, and note that it is none."""
        theirs = self._theirs.get(id(value))
        if theirs is None:
            self.referred = True
        elif theirs not in self._plain:
            self.referred = True
            self.doubt = self.doubt or self._doubtful.get(theirs, "")
        super().refer(writer, value, depth)

    def write_object(self, writer: Writer, value: Untyped, depth: int) -> None:
        """Offer a function, an iterator or a class of exceptions of the tests."""
        if isinstance(value, type) and issubclass(value, BaseException):
            writer.out += CLASS
            writer.size(self.number(value))
            writer.put((value.__name__,), depth)
            writer.many(value.__bases__, depth)
            return
        value = self._same(value)
        facts = describe_callable(value)
        if facts is None and not isinstance(value, type) and hasattr(type(value), "__next__"):
            facts = ("iterator",)
        if facts is None and type(value) is object and self._comparing:
            facts = ("token",)
        if facts is None:
            raise CannotCross(f"an object of the tests, of type {type(value).__name__}")
        writer.out += OWN
        number = self.number(value)
        writer.size(number)
        writer.put(facts, depth)
        if facts[0] != "token":
            self._offered[number] = value

    def _same(self, value: Untyped) -> Untyped:
        """The same object for what is the same method of the same object, such as `seen.append`."""
        owner = getattr(value, "__self__", None)
        if owner is None or isinstance(owner, type(os)) or isinstance(value, type):
            return value
        return self._bound.setdefault((id(owner), getattr(value, "__name__", "")), value)

    def read_class(self, reader: Reader, depth: int) -> Untyped:
        """Read a class of the solution."""
        number, facts = reader.size(), reader.get(depth)
        known = self._peers.get(number)
        if facts is not None:
            bases = reader.many(depth)
            if known is None:
                known = make_class(self, facts, bases)
                self.keep(number, known)
                self._plain.add(number)
                if "__call__" in facts[4] or facts[0] == "module":
                    self._callable.add(number)
                if facts[6] is not False or any(
                    self._theirs.get(id(base)) in self._doubtful for base in bases
                ):
                    self._doubtful[number] = (
                        f"the class {facts[0]}, which is a container or compares by itself"
                    )
        if not isinstance(known, RemoteClass):
            raise Malformed("a class")
        self._doubt_before = self._doubt_before or self._doubtful.get(number, "")
        self.doubt = self.doubt or self._doubt_before
        return known

    def read_object(self, reader: Reader, number: int, depth: int) -> Untyped:
        """Read an object of the solution."""
        kind, value, facts = reader.get(depth), reader.get(depth), reader.get(depth)
        known = self._peers.get(number)
        if known is None:
            if not isinstance(kind, RemoteClass) or type(facts) is not tuple:
                raise Malformed("an object")
            known = make_object(kind, value, facts)
            self.keep(number, known)
            its = self._theirs[id(kind)]
            if self._fetching and its in self._callable:
                self._plain.add(number)
            if its in self._doubtful:
                self._doubtful[number] = self._doubtful[its]
        if number not in self._plain:
            self.referred = True
            # What is derived from a container may be used without our hearing of it.
            self._doubt_before = self._doubt_before or self._doubtful.get(number, "")
            self.doubt = self.doubt or self._doubt_before
        return known


def _harmless(error: BaseException) -> BaseException:
    """What the solution is told of an exception of the tests."""
    return RuntimeError(str(error)) if isinstance(error, CannotCross) else error
