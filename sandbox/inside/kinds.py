"""What the judge is told of a class of the solution, so that it can make a likeness."""

from __future__ import annotations

import sys
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from sandbox.inside.standard import class_name

    Untyped: TypeAlias = Any  # the solution's classes
else:
    from standard import class_name

COMPARING = frozenset(("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"))
_NUMERIC = "add sub mul truediv floordiv mod divmod pow matmul lshift rshift and or xor"
_UNARY = "neg pos abs invert int float complex index round trunc floor ceil bool"
_CONTAINER = "len length_hint iter next reversed contains getitem setitem delitem missing"
_OTHER = "call enter exit hash str repr format bytes fspath dir"
SPECIALS = frozenset(
    (
        *COMPARING,
        *(f"__{prefix}{name}__" for name in _NUMERIC.split() for prefix in ("", "r", "i")),
        *(f"__{name}__" for name in (*_UNARY.split(), *_CONTAINER.split(), *_OTHER.split())),
    )
)
_SHOWN = ("__repr__", "__str__", "__format__", "__dir__")
IMMUTABLE = (int, str, float, tuple, bytes, frozenset)
_ABSTRACT = ("abc", "typing", "collections.abc", "_collections_abc", "typing_extensions")
_CLASSES_HAVE = "bool call contains dir format getitem hash iter len repr reversed str"
_OF_CLASSES = frozenset(f"__{name}__" for name in _CLASSES_HAVE.split())
"""Special methods that likenesses of classes have, or that say the same."""
_METHODS = (types.FunctionType, types.MethodDescriptorType)
_MOST_TEXT = 4000


def describe_class(kind: type) -> tuple[tuple[Untyped, ...], list[type]]:
    """What its likeness needs, and its bases.

    Returns:
        Name, qualified name, module, documentation, special methods, methods, whether it is a container, and
        whether its likeness lacks a class of the standard library that it is derived from.
    """
    bases = []
    mutable = False
    for base in kind.__bases__:
        if base is object or base.__module__ in _ABSTRACT or issubclass(base, type):
            continue
        if class_name(base) is not None and base not in IMMUTABLE and not issubclass(base, BaseException):
            # A likeness of it could not be kept like it.
            mutable = True
        else:
            bases.append(base)
    # A class that compares or counts by itself: the likeness of a class does not.
    meta = type(kind)
    mutable |= any(
        getattr(meta, name, None) is not getattr(type, name, None) for name in SPECIALS - _OF_CLASSES
    )
    inherited = next((base for base in (*IMMUTABLE, BaseException) if issubclass(kind, base)), object)
    plain = inherited is object
    specials = tuple(
        name
        for name in sorted(SPECIALS)
        if (plain and name in _SHOWN)
        or ((found := getattr(kind, name, None)) is not None and found is not getattr(inherited, name, None))
    )
    if getattr(kind, "__hash__", None) is None:
        specials = (*specials, "unhashable")
    documented = kind.__doc__[:_MOST_TEXT] if type(kind.__doc__) is str else None
    facts = (
        str(kind.__name__),
        str(kind.__qualname__),
        str(kind.__module__),
        documented,
        specials,
        _methods(kind),
        mutable,
        any(class_name(each) is None and _is_standard(each) for each in kind.__mro__[1:]),
    )
    return facts, bases


def _is_standard(kind: type) -> bool:
    return str(kind.__module__).split(".")[0] in sys.stdlib_module_names


def _methods(kind: type) -> tuple[str, ...]:
    """The names that are plain methods, which need not be looked up on each object."""
    seen: dict[str, bool] = {}
    for each in kind.__mro__:
        if class_name(each) is not None:
            break
        for name, value in vars(each).items():
            if type(name) is str and not name.startswith("__"):
                seen.setdefault(name, isinstance(value, _METHODS))
    return tuple(name for name, method in seen.items() if method)
