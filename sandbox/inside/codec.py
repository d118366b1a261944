"""Values as bytes and back: plain data, a few standard value types, and references that a peer explains.

Decoding is safe against hostile bytes: it builds nothing but what is listed here, checks every length
against what is left, and is bounded in depth. Anything wrong is `Malformed`.
"""

from __future__ import annotations


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from sandbox.inside import standard
    from sandbox.inside.boxes import Boxes

    Untyped: TypeAlias = Any  # a value of the solution or of its tests
    Reference: TypeAlias = Callable[["Writer", Untyped, int], None]
    Resolve: TypeAlias = Callable[["Reader", int, int], Untyped]
else:
    import standard

DEEPEST = 150
_SINGLE = {b"N": None, b"T": True, b"F": False, b".": ..., b"!": NotImplemented}


class Malformed(Exception):  # noqa: N818 - it is not an error of ours
    """Bytes that no honest peer sends."""


class CannotCross(BaseException):
    """Something has no faithful likeness on the other side; not to be caught by tests."""


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
}
for _tag, _single in _SINGLE.items():
    _PUT[type(_single)] = lambda writer, value, _depth: writer.out.extend(_TAGS[value])
_TAGS = {value: tag for tag, value in _SINGLE.items()}


class Reader:
    """Turns bytes into values."""

    def __init__(self, data: bytes, boxes: Boxes | None = None, resolve: Resolve | None = None) -> None:
        """Read plain data; with `boxes` mutable containers too, and other tags by `resolve`."""
        self._data = data
        self._at = 0
        self.boxes = boxes
        self._resolve = resolve

    def left(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._at

    def size(self) -> int:
        """Read a count."""
        number = shift = 0
        while True:
            byte = self.take(1)[0]
            number |= (byte & 127) << shift
            if byte < 128:  # noqa: PLR2004 - seven bits
                return number
            shift += 7
            if shift > 35:  # noqa: PLR2004 - no message is that long
                raise Malformed("a count")

    def count(self) -> int:
        """Read the count of values that follow, each of a byte or more."""
        number = self.size()
        if number > self.left():
            raise Malformed("a count")
        return number

    def take(self, count: int) -> bytes:
        """Read bytes."""
        end = self._at + count
        if end > len(self._data):
            raise Malformed("too short")
        data = self._data[self._at : end]
        self._at = end
        return data

    def raw(self) -> bytes:
        """Read bytes with their length."""
        return self.take(self.size())

    def text(self) -> str:
        """Read a bare text."""
        try:
            return self.raw().decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise Malformed("a text") from error

    def get(self, depth: int = 0) -> Untyped:
        """Read a value.

        Raises:
            Malformed: When the bytes are not those of a value.
        """
        if depth > DEEPEST + 50:
            raise Malformed("nested too deeply")
        tag = self.take(1)
        if tag in _SINGLE:
            return _SINGLE[tag]
        read = _READ.get(tag)
        if read is not None:
            return read(self, depth + 1)
        if tag in standard.TAGS:
            return self._box(tag, depth + 1)
        if self._resolve is None:
            raise Malformed("a tag")
        return self._resolve(self, tag[0], depth + 1)

    def many(self, depth: int) -> list[Untyped]:
        """Read a count and values."""
        return [self.get(depth) for _ in range(self.count())]

    def _box(self, tag: bytes, depth: int) -> Untyped:
        number = self.size()
        if self.boxes is None or self.boxes.get(number) is not None:
            raise Malformed("a container")
        box = standard.make_box(tag)
        self.boxes.put(number, box)
        return self._fill(tag, number, box, depth)

    def update(self) -> None:
        """Read new contents into a container that both sides have."""
        tag, number = self.take(1), self.size()
        box = None if self.boxes is None else self.boxes.get(number)
        if box is None or standard.BOXES.get(type(box)) != tag:
            raise Malformed("a container")
        self._fill(tag, number, box, 0)

    def _fill(self, tag: bytes, number: int, box: Untyped, depth: int) -> Untyped:
        assert self.boxes is not None  # noqa: S101 - for the type checker
        extra = self.get(depth) if tag in (b"d", b"D") else None
        if tag == b"y":
            box[:] = self.raw()
        elif tag in standard.MAPPINGS:
            items = [(self.get(depth), self.get(depth)) for _ in range(self.count())]
            standard.fill(tag, box, items, extra)
        else:
            standard.fill(tag, box, self.many(depth), extra)
        self.boxes.settle(number)
        return box

    def known(self) -> Untyped:
        """Read the number of a container that both sides have."""
        box = None if self.boxes is None else self.boxes.get(self.size())
        if box is None:
            raise Malformed("a container")
        return box


def _get_int(reader: Reader, _depth: int) -> int:
    return int.from_bytes(reader.raw(), "little", signed=True)


def _get_float(reader: Reader, _depth: int) -> float:
    return float.fromhex(reader.raw().decode("ascii"))


def _get_complex(reader: Reader, depth: int) -> complex:
    parts = reader.get(depth), reader.get(depth)
    return complex(float(parts[0]), float(parts[1]))


def _get_three(kind: type) -> Callable[[Reader, int], Untyped]:
    return lambda reader, depth: kind(reader.get(depth), reader.get(depth), reader.get(depth))


def _get_value(reader: Reader, depth: int) -> Untyped:
    name = reader.text()
    return standard.build(name, reader.get(depth))


_READ: dict[bytes, Callable[[Reader, int], Untyped]] = {
    b"i": _get_int,
    b"f": _get_float,
    b"c": _get_complex,
    b"s": lambda reader, _: reader.text(),
    b"b": lambda reader, _: reader.raw(),
    b"(": lambda reader, depth: tuple(reader.many(depth)),
    b"z": lambda reader, depth: frozenset(reader.many(depth)),
    b"r": _get_three(range),
    b":": _get_three(slice),
    b"@": lambda reader, _: reader.known(),
    b"g": lambda reader, _: standard.class_named(reader.text()),
    b"v": _get_value,
}

_WRONG = (ValueError, TypeError, OverflowError, ArithmeticError, LookupError, AttributeError, RecursionError)


def decode(read: Callable[[], Untyped]) -> Untyped:
    """Read with `read`; whatever goes wrong on the way is the fault of the bytes."""
    try:
        return read()
    except _WRONG as error:
        raise Malformed(type(error).__name__) from error


def dumps(value: Untyped) -> bytes:
    """Plain data as bytes."""
    writer = Writer()
    writer.put(value)
    return bytes(writer.out)


def loads(data: bytes) -> Untyped:
    """Plain data from bytes.

    Raises:
        Malformed: When the bytes are not those of plain data.
    """
    reader = Reader(data)
    value = decode(reader.get)
    if reader.left():
        raise Malformed("too long")
    return value


