"""Plain data as bytes and back, safe against hostile bytes: anything wrong is `Malformed`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from sandbox.inside.reader import Reader
    from sandbox.inside.wire import CannotCross, Malformed
    from sandbox.inside.writer import Writer

    Untyped: TypeAlias = Any  # a value of the solution or of its tests
else:
    from reader import Reader
    from wire import CannotCross, Malformed
    from writer import Writer

__all__ = ["CannotCross", "Malformed", "Reader", "Writer", "decode", "dumps", "loads"]

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
