"""Bytes as values: builds nothing but what is listed, checks every length, and is bounded in depth."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from sandbox.inside import standard
    from sandbox.inside.boxes import Boxes
    from sandbox.inside.wire import DEEPEST, SINGLES, Malformed

    Untyped: TypeAlias = Any  # a value of the solution or of its tests
    Resolve: TypeAlias = Callable[["Reader", int, int], Untyped]
else:
    import standard
    from wire import DEEPEST, SINGLES, Malformed


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
        if tag in SINGLES:
            return SINGLES[tag]
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
