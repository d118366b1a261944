"""The standard types that cross between judge and worker, and how each is taken apart and built."""

from __future__ import annotations

# The public module is heavier.
import _collections as _c  # type: ignore[import-not-found]
import builtins
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Untyped: TypeAlias = Any  # a value of the solution or of its tests

BOXES: dict[type, bytes] = {
    list: b"[",
    dict: b"{",
    set: b"<",
    bytearray: b"y",
    _c.deque: b"d",
    _c.defaultdict: b"D",
    _c.OrderedDict: b"O",
}
TAGS = frozenset((*BOXES.values(), b"C"))
MAPPINGS = {b"{", b"D", b"O", b"C"}
_DATA = "int float complex bool str bytes bytearray list tuple dict set frozenset range slice object"
_NONE = type(None)


def make_box(tag: bytes) -> Untyped:
    """An empty container."""
    if tag == b"C":
        return _load("collections.Counter")()
    return next(kind for kind, own in BOXES.items() if own == tag)()


def fill(tag: bytes, box: Untyped, items: list[Untyped], extra: Untyped) -> None:
    """Put items into a container in the place of what it holds.

    Raises:
        TypeError: When they do not fit.
    """
    if tag == b"[":
        box[:] = items
    elif tag == b"<":
        box.clear()
        box.update(items)
    elif tag == b"d":
        if extra is not None and type(extra) is not int:
            raise TypeError
        if box.maxlen != extra:
            box.__init__(items, extra)
        else:
            box.clear()
            box.extend(items)
    else:
        box.clear()
        for key, value in items:
            box[key] = value
        if tag == b"D":
            box.default_factory = extra


def _zone(value: Untyped) -> bool:
    kind = type(value.tzinfo)
    return value.tzinfo is None or f"{kind.__module__}.{kind.__name__}" in (
        "datetime.timezone",
        "zoneinfo.ZoneInfo",
    )


def _moment(value: Untyped) -> Untyped:
    date = (value.year, value.month, value.day) if hasattr(value, "year") else ()
    if not _zone(value):
        return None
    return (*date, value.hour, value.minute, value.second, value.microsecond, value.tzinfo, value.fold)


def _delta(value: Untyped) -> Untyped:
    return value.days, value.seconds, value.microseconds


def _positional(kind: Untyped, plain: Untyped) -> Untyped:
    return kind(*plain)


def _single(kind: Untyped, plain: Untyped) -> Untyped:
    return kind(plain)


def _folded(kind: Untyped, plain: Untyped) -> Untyped:
    return kind(*plain[:-1], fold=plain[-1])


def _text_only(kind: Untyped, plain: Untyped) -> Untyped:
    if type(plain) is not str:
        raise TypeError
    return kind(plain)


_Codec = tuple["Callable[[Untyped], Untyped]", "Callable[[Untyped, Untyped], Untyped]"]
_VALUES: dict[str, _Codec] = {
    "decimal.Decimal": (str, _text_only),
    "fractions.Fraction": (lambda value: (value.numerator, value.denominator), _positional),
    "datetime.date": (lambda value: (value.year, value.month, value.day), _positional),
    "datetime.time": (_moment, _folded),
    "datetime.datetime": (_moment, _folded),
    "datetime.timedelta": (_delta, _positional),
    "datetime.timezone": (lambda value: (value.utcoffset(None),), _positional),
    "zoneinfo.ZoneInfo": (lambda value: value.key, _text_only),
    "uuid.UUID": (lambda value: value.int, lambda kind, plain: kind(int=plain)),
    "pathlib.PosixPath": (str, _text_only),
    "pathlib.PurePosixPath": (str, _text_only),
    "ipaddress.IPv4Address": (str, _text_only),
    "ipaddress.IPv6Address": (str, _text_only),
}
_CLASSES = {
    **{f"collections.{name}": None for name in ("Counter", "OrderedDict", "defaultdict", "deque")},
    "pathlib.Path": None,
    "pathlib.PurePath": None,
    **dict.fromkeys(_VALUES),
}
_ERRORS = (
    "asyncio.exceptions",
    "binascii",
    "configparser",
    "csv",
    "dataclasses",
    "decimal",
    "ipaddress",
    "json.decoder",
    "queue",
    "sqlite3",
    "statistics",
    "struct",
    "subprocess",
    "urllib.error",
    "zipfile",
    "zlib",
    "zoneinfo",
)
"""Modules whose exceptions are the same on both sides; not unittest's or pytest's, which steer a run."""


_HOMES = {"pathlib._local": "pathlib", "_csv": "csv", "_queue": "queue"}


def _home(kind: Untyped) -> str:
    module = kind.__module__
    # Some modules keep their classes in a private one.
    return _HOMES.get(module, str(module))


def name_of(value: object) -> str:
    """The name of a value's type, when it is one that crosses as data, else an empty text."""
    kind = type(value)
    try:
        name = f"{_home(kind)}.{kind.__name__}"
    except Exception:  # noqa: BLE001 - a metaclass of the solution
        return ""
    if name == "collections.Counter" and kind is _loaded(name):
        BOXES[kind] = b"C"
        return ""
    return name if name in _VALUES and kind is _loaded(name) else ""


def plain(name: str, value: Untyped) -> Untyped:
    """A value of a standard type as plain data, or None when it has no such form."""
    return _VALUES[name][0](value)


def build(name: str, plain: Untyped) -> Untyped:
    """A value of a standard type from plain data.

    Raises:
        LookupError: When the name is none of those.
        Exception: When the data do not fit.
    """
    make = _VALUES[name][1]
    return make(_load(name), plain)


def class_name(kind: type) -> str | None:
    """The name of a class that is the same on both sides, else None."""
    if kind is _NONE:
        return "builtins.NoneType"
    try:
        name = f"{_home(kind)}.{kind.__name__}"
    except Exception:  # noqa: BLE001 - a metaclass of the solution
        return None
    if not _is_shared(name) or _loaded(name) is not kind:
        return None
    return name


def class_named(name: str) -> type:
    """The class of that name.

    Raises:
        LookupError: When it is none of those that are the same on both sides.
    """
    if name == "builtins.NoneType":
        return _NONE
    if not _is_shared(name):
        raise LookupError(name)
    kind = _load(name)
    home = name.rpartition(".")[0]
    if not isinstance(kind, type) or (home in _ERRORS and name not in _CLASSES and not _is_error(kind)):
        raise LookupError(name)
    return kind


def _is_error(kind: type) -> bool:
    return issubclass(kind, BaseException)


def _is_shared(name: str) -> bool:
    home, _, last = name.rpartition(".")
    if home == "builtins":
        kind = vars(builtins).get(last)
        return last in _DATA.split() or (isinstance(kind, type) and _is_error(kind))
    return name in _CLASSES or home in _ERRORS


def _loaded(name: str) -> Untyped:
    home, _, last = name.rpartition(".")
    return getattr(sys.modules.get(home), last, None)


def _load(name: str) -> Untyped:
    home, _, last = name.rpartition(".")
    __import__(home)
    kind = getattr(sys.modules[home], last)
    if name == "collections.Counter":
        BOXES[kind] = b"C"
    return kind
