"""What judge and worker have in common: messages, numbered objects, exceptions."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from sandbox.inside.boxes import Boxes
    from sandbox.inside.channel import Channel
    from sandbox.inside.codec import Malformed, Reader, Writer, decode
    from sandbox.inside.describing import where

    Untyped: TypeAlias = Any  # objects of the solution and of its tests
else:
    from boxes import Boxes
    from codec import Malformed, Reader, Writer, decode
    from describing import where

REQUEST, REPLY, ERROR, DOUBT = b"q", b"r", b"e", b"d"
PEERS, OWN, CLASS, EXCEPTION = b"p", b"o", b"K", b"E"
_MOST_CAUSES = 4


class Peer:
    """One side: packs values into messages and unpacks them."""

    def __init__(self, channel: Channel, first: int, folder: str) -> None:
        """Number containers from `first`, in steps of two."""
        self._channel = channel
        self._folder = folder
        self.boxes = Boxes(first)
        self._own: list[Untyped] = []
        self._numbers: dict[int, int] = {}
        self._peers: dict[int, Untyped] = {}
        # The numbers of likenesses of the other side's objects.
        self._theirs: dict[int, int] = {}
        # The classes that the other side was told of.
        self._told: set[int] = set()

    # A message: kind, new contents of containers, values, containers to forget.

    def pack(self, kind: bytes, values: list[Untyped]) -> bytes:
        """Values as a message; `values` is empty afterwards, so that nothing but its owners hold them.

        Raises:
            CannotCross: When one has no likeness on the other side; then nothing has been said.
        """
        last, told = self.boxes.last(), set(self._told)
        changed = self.boxes.changed()
        try:
            return self._pack(kind, changed, values)
        except BaseException:
            self.boxes.undo(last, changed)
            self._told = told
            raise

    def _pack(self, kind: bytes, changed: list[tuple[int, Untyped]], values: list[Untyped]) -> bytes:
        writer = Writer(self.boxes, self.refer)
        writer.out += kind
        writer.size(len(changed))
        for number, box in changed:
            writer.contents(number, box, 0)
        writer.many(values, 0)
        values.clear()
        free = self.boxes.unheld()
        self.boxes.drop(free)
        writer.size(len(free))
        for number in free:
            writer.size(number)
        return bytes(writer.out)

    def unpack(self, data: bytes) -> tuple[bytes, list[Untyped]]:
        """Kind and values of a message.

        Raises:
            Malformed: When it is none.
        """
        reader = Reader(data, self.boxes, self.resolve)
        return decode(lambda: self._unpack(reader))  # type: ignore[no-any-return]

    def _unpack(self, reader: Reader) -> tuple[bytes, list[Untyped]]:
        kind = reader.take(1)
        for _ in range(reader.count()):
            reader.update()
        values = reader.many(0)
        self.boxes.drop([reader.size() for _ in range(reader.count())])
        if reader.left():
            raise Malformed("too long")
        return kind, values

    # References.

    def number(self, value: Untyped) -> int:
        """Keep one of our own objects and number it."""
        number = self._numbers.get(id(value))
        if number is None:
            number = len(self._own)
            self._own.append(value)
            self._numbers[id(value)] = number
        return number

    def own(self, number: int) -> Untyped:
        """One of our own objects.

        Raises:
            Malformed: When there is none of that number.
        """
        if not 0 <= number < len(self._own):
            raise Malformed("a number")
        return self._own[number]

    def keep(self, number: int, likeness: Untyped) -> None:
        """Keep the likeness of one of the other side's objects."""
        self._peers[number] = likeness
        self._theirs[id(likeness)] = number

    def refer(self, writer: Writer, value: Untyped, depth: int) -> None:
        """Write what is no data."""
        theirs = self._theirs.get(id(value))
        if theirs is not None:
            writer.out += PEERS
            writer.size(theirs)
        elif isinstance(value, BaseException):
            self._write_error(writer, value, depth)
        else:
            self.write_object(writer, value, depth)

    def resolve(self, reader: Reader, tag: int, depth: int) -> Untyped:
        """Read what is no data."""
        kind = bytes([tag])
        if kind == PEERS:
            return self.own(reader.size())
        if kind == EXCEPTION:
            return self._read_error(reader, depth)
        if kind == OWN:
            return self.read_object(reader, reader.size(), depth)
        if kind == CLASS:
            return self.read_class(reader, depth)
        raise Malformed("a tag")

    def write_object(self, writer: Writer, value: Untyped, depth: int) -> None:
        """Write an object or a class."""
        raise NotImplementedError

    def read_object(self, reader: Reader, number: int, depth: int) -> Untyped:
        """Read an object of the other side."""
        raise NotImplementedError

    def read_class(self, reader: Reader, depth: int) -> Untyped:
        """Read a class of the other side."""
        raise NotImplementedError

    # Exceptions.

    def _write_error(self, writer: Writer, error: BaseException, depth: int) -> None:
        writer.out += EXCEPTION
        writer.size(self.number(error))
        writer.put(type(error), depth)
        writer.put(tuple(self._likeness(part) for part in error.args), depth)
        writer.put((_text(error), where(error, self._folder)), depth)
        attributes = [
            (name, value)
            for name, value in vars(error).items()
            if type(name) is str and name[:1] != "_" and type(value) in _SIMPLE
        ]
        writer.put(tuple(attributes), depth)
        cause = error.__cause__
        causes = depth < _MOST_CAUSES and cause is not None and type(error) is not type(cause)
        writer.put(cause if causes else None, depth)

    def _likeness(self, part: Untyped) -> Untyped:
        """An argument of an exception: itself if it is simple or an exception, else its text."""
        kind = type(part)
        if kind in _SIMPLE or isinstance(part, BaseException):
            return part
        if kind in (tuple, list) and all(
            type(each) in _SIMPLE or isinstance(each, BaseException) for each in part
        ):
            return tuple(part) if kind is tuple else list(part)
        try:
            return repr(part)[:1000]
        except BaseException:  # noqa: BLE001 - the solution's own __repr__
            return "…"

    def _read_error(self, reader: Reader, depth: int) -> BaseException:
        number = reader.size()
        kind = reader.get(depth)
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise Malformed("no class of exceptions")
        args, (text, place) = reader.get(depth), reader.get(depth)
        attributes, cause = reader.get(depth), reader.get(depth)
        known = self._peers.get(number)
        if known is not None:
            if not isinstance(known, BaseException):
                raise Malformed("no exception")
            return known
        error = make_error(kind, args)
        facts = vars(error)
        for name, value in attributes:
            if type(name) is str and name[:1] != "_":
                facts[name] = value
        facts["__text__"], facts["__place__"] = str(text), str(place)[:200]
        if isinstance(cause, BaseException):
            error.__cause__ = cause
        self.keep(number, error)
        return error


_SIMPLE = frozenset((int, str, float, bool, bytes, complex, type(None)))


def make_error(kind: type[BaseException], args: Untyped) -> BaseException:
    """An exception without running an `__init__` of the solution's making."""
    try:
        error = kind.__new__(kind, *args)
        error.args = args
    except Exception:  # noqa: BLE001 - arguments that do not fit
        error = kind.__new__(kind)
    if isinstance(error, (OSError, SyntaxError, SystemExit, StopIteration, UnicodeError, ImportError)):
        base = next(each for each in kind.__mro__ if each.__module__ == "builtins")
        try:
            _initialise(base, error, args)
        except Exception:  # noqa: BLE001 - arguments that do not fit
            return error
    return error


def _initialise(base: Untyped, error: BaseException, args: Untyped) -> None:
    base.__init__(error, *args)


def _text(error: BaseException) -> str:
    try:
        return str(error)[:10_000]
    except BaseException:  # noqa: BLE001 - the solution's own __str__
        return "(its message could not be shown)"


def forget_traces(error: BaseException | None) -> None:
    """Let go of the frames that an exception holds, and of what is in them."""
    seen = 0
    while error is not None and seen < 50:  # noqa: PLR2004 - longer chains are let go of too late
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
        seen += 1
