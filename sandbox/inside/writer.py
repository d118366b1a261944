"""Values as bytes: plain data, a few standard value types, and references that a peer explains."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from sandbox.inside import standard
    from sandbox.inside.boxes import Boxes
    from sandbox.inside.wire import DEEPEST, SINGLES, CannotCross

    Untyped: TypeAlias = Any  # a value of the solution or of its tests
    Reference: TypeAlias = Callable[["Writer", Untyped, int], None]
else:
    import standard
    from wire import DEEPEST, SINGLES, CannotCross


class Writer:
    """Turns values into bytes."""

    def __init__(self, boxes: Boxes | None = None, reference: Reference | None = None) -> None:
        """Write plain data; with `boxes` mutable containers too, and what else there is by `reference`."""
        self.out = bytearray()
        self.boxes = boxes
        self._reference = reference

    def size(self, number: int) -> None:
        """Write a count, seven bits a byte."""
        while number > 127:  # noqa: PLR2004 - seven bits
            self.out.append(number & 127 | 128)
            number >>= 7
        self.out.append(number)

    def raw(self, tag: bytes, data: bytes | bytearray) -> None:
        """Write a tag and bytes with their length."""
        self.out += tag
        self.size(len(data))
        self.out += data

    def put(self, value: Untyped, depth: int = 0) -> None:
        """Write a value.

        Raises:
            CannotCross: When it is nested too deeply, or is no data and there is no `reference`.
        """
        if depth > DEEPEST:
            raise CannotCross(f"data nested deeper than {DEEPEST} levels")
        put = _PUT.get(type(value))
        if put is not None:
            put(self, value, depth + 1)
        elif (name := standard.name_of(value)) and (plain := standard.plain(name, value)) is not None:
            self.raw(b"v", name.encode())
            self.put(plain, depth + 1)
        elif type(value) in standard.BOXES:
            self.box(value, depth + 1)
        else:
            self.refer(value, depth + 1)

    def refer(self, value: Untyped, depth: int) -> None:
        """Write a value as the peer explains it."""
        if self._reference is None:
            raise CannotCross(f"an object of type {type(value).__name__}")
        self._reference(self, value, depth)

    def many(self, values: Untyped, depth: int) -> None:
        """Write a count and values."""
        self.size(len(values))
        for value in values:
            self.put(value, depth)

    def box(self, value: Untyped, depth: int) -> None:
        """Write a mutable container once, and by its number where the other side has it."""
        if self.boxes is None:
            raise CannotCross("a mutable container")
        number = self.boxes.number(value)
        if number is None:
            self.contents(self.boxes.add(value), value, depth)
        else:
            self.out += b"@"
            self.size(number)

    def contents(self, number: int, value: Untyped, depth: int) -> None:
        """Write what is in a container."""
        assert self.boxes is not None  # noqa: S101 - for the type checker
        tag = standard.BOXES[type(value)]
        self.out += tag
        self.size(number)
        if tag == b"d":
            self.put(value.maxlen, depth)
        elif tag == b"D":
            self.put(value.default_factory, depth)
        if tag == b"y":
            self.raw(b"", value)
        elif tag in standard.MAPPINGS:
            self.size(len(value))
            for key, item in value.items():
                self.put(key, depth)
                self.put(item, depth)
        else:
            self.many(value, depth)
        self.boxes.settle(number)


def _put_single(writer: Writer, value: Untyped, _depth: int) -> None:
    writer.out += _TAGS[value]


def _put_int(writer: Writer, value: int, _depth: int) -> None:
    writer.raw(b"i", value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True))


def _put_float(writer: Writer, value: float, _depth: int) -> None:
    writer.raw(b"f", value.hex().encode())


def _put_complex(writer: Writer, value: complex, depth: int) -> None:
    writer.out += b"c"
    _put_float(writer, value.real, depth)
    _put_float(writer, value.imag, depth)


def _put_text(writer: Writer, value: str, _depth: int) -> None:
    writer.raw(b"s", value.encode("utf-8", "surrogatepass"))


def _put_bytes(writer: Writer, value: bytes, _depth: int) -> None:
    writer.raw(b"b", value)


def _put_tuple(writer: Writer, value: tuple[object, ...], depth: int) -> None:
    writer.out += b"("
    writer.many(value, depth)


def _put_frozenset(writer: Writer, value: frozenset[object], depth: int) -> None:
    writer.out += b"z"
    writer.many(value, depth)


def _put_three(writer: Writer, value: range | slice, depth: int) -> None:
    writer.out += b"r" if type(value) is range else b":"
    for part in (value.start, value.stop, value.step):
        writer.put(part, depth)


def _put_class(writer: Writer, value: type, depth: int) -> None:
    name = standard.class_name(value)
    if name is None:
        writer.refer(value, depth)
    else:
        writer.raw(b"g", name.encode())


_TAGS = {single: tag for tag, single in SINGLES.items()}
_PUT: dict[type, Callable[[Writer, Untyped, int], None]] = {
    int: _put_int,
    float: _put_float,
    complex: _put_complex,
    str: _put_text,
    bytes: _put_bytes,
    tuple: _put_tuple,
    frozenset: _put_frozenset,
    range: _put_three,
    slice: _put_three,
    type: _put_class,
    **dict.fromkeys(standard.BOXES, Writer.box),
    **dict.fromkeys(map(type, _TAGS), _put_single),
}
