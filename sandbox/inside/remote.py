"""Likenesses, in the judge, of the solution's classes and objects: every use is a request."""

from __future__ import annotations

import builtins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from sandbox.inside.comparing import compare
    from sandbox.inside.kinds import COMPARING, IMMUTABLE, SPECIALS
    from sandbox.inside.session import Session

    Untyped: TypeAlias = Any  # what the solution gives
else:
    from comparing import compare
    from kinds import COMPARING, IMMUTABLE, SPECIALS

_FAR = "__far__"
_CLAIMING = COMPARING | {"__contains__"}
_UNCROSSABLE = ("__reduce__", "__reduce_ex__", "__copy__", "__deepcopy__", "__getstate__", "__sizeof__")


class RemoteClass(type):
    """The class of likenesses of classes."""

    def __new__(cls, _name: str, bases: tuple[type, ...], _members: Untyped, **_more: Untyped) -> Untyped:
        """Refuse to be the base of a class of the tests."""
        session = next(session_of(base) for base in bases if isinstance(base, RemoteClass))
        raise session.refuse("a class of the tests that is derived from one of the solution's")

    def __init__(cls, *_args: Untyped, **_more: Untyped) -> None:
        """Nothing is left to do."""

    def __call__(cls, *args: Untyped, **more: Untyped) -> Untyped:
        """Make an instance where the class is."""
        return session_of(cls).call(cls, args, more)

    def __getattr__(cls, name: str) -> Untyped:
        """Ask for an attribute."""
        return session_of(cls).get(cls, name)

    def __setattr__(cls, name: str, value: Untyped) -> None:
        """Change the class itself."""
        session_of(cls).request("set", cls, name, value)

    def __delattr__(cls, name: str) -> None:
        """Change the class itself."""
        session_of(cls).request("del", cls, name)

    def __iter__(cls) -> Untyped:
        """Iterate over it, such as over an enumeration."""
        return session_of(cls).special(cls, "__iter__", ())

    def __len__(cls) -> Untyped:
        """Its length, if it is a class that has one."""
        return session_of(cls).special(cls, "__len__", ())

    def __bool__(cls) -> bool:
        """Be true, as classes are."""
        return True

    def __contains__(cls, item: Untyped) -> Untyped:
        """Whether an enumeration has a member."""
        return session_of(cls).special(cls, "__contains__", (item,))

    def __getitem__(cls, item: Untyped) -> Untyped:
        """A member of an enumeration, or a generic class with its argument."""
        return session_of(cls).request("item", cls, item)

    def __instancecheck__(cls, value: Untyped) -> bool:
        """Ask the class itself about what is no instance by birth."""
        if type.__instancecheck__(cls, value):
            return True
        return isinstance(type(value), RemoteClass) and bool(
            session_of(cls).request("isinstance", value, cls)
        )


def session_of(kind: type) -> Session:
    """The session that a class belongs to."""
    return type.__getattribute__(kind, _FAR)  # type: ignore[no-any-return]


def _special(name: str) -> Callable[..., Untyped]:
    def special(self: Untyped, *args: Untyped) -> Untyped:
        return session_of(type(self)).special(self, name, args)

    return special


def _comparing(name: str) -> Callable[..., Untyped]:
    def special(self: Untyped, other: Untyped) -> Untyped:
        return compare(session_of(type(self)), self, name, other)

    return special


def _calling(self: Untyped, *args: Untyped, **more: Untyped) -> Untyped:
    return session_of(type(self)).call(self, args, more)


def _leaving(self: Untyped, kind: Untyped, value: Untyped, _trace: Untyped) -> Untyped:
    # A traceback stays where it is.
    return session_of(type(self)).special(self, "__exit__", (kind, value, None))


def _method(name: str) -> Callable[..., Untyped]:
    def method(self: Untyped, *args: Untyped, **more: Untyped) -> Untyped:
        return session_of(type(self)).request("method", self, name, args, tuple(more.items()))

    method.__name__ = name
    return method


def _getting(self: Untyped, name: str) -> Untyped:
    return session_of(type(self)).get(self, name)


def _setting(self: Untyped, name: str, value: Untyped) -> None:
    session_of(type(self)).request("set", self, name, value)


def _deleting(self: Untyped, name: str) -> None:
    session_of(type(self)).request("del", self, name)


def _uncrossable(name: str) -> Callable[..., Untyped]:
    def refuse(self: Untyped, *_args: Untyped) -> Untyped:
        raise session_of(type(self)).refuse(f"{name} of an object of the solution")

    return refuse


def _text(self: BaseException) -> str:
    return str(BaseException.__getattribute__(self, "__dict__").get("__text__", ""))


def make_class(session: Session, facts: Untyped, bases: list[type]) -> Untyped:
    """A likeness of a class.

    Raises:
        Exception: When the facts are none that an honest peer tells.
    """
    name, qualified, module, documentation, specials, methods, _ = facts
    members: dict[str, Untyped] = {_FAR: session, "__qualname__": str(qualified), "__module__": str(module)}
    members["__doc__"] = documentation if type(documentation) is str else None
    members.update(
        {
            special: _comparing(special) if special in _CLAIMING else _special(special)
            for special in specials
            if special in SPECIALS
        }
    )
    if "unhashable" in specials:
        members["__hash__"] = None
    for special, own in (("__call__", _calling), ("__exit__", _leaving)):
        if special in members:
            members[special] = own
    for method in methods:
        if type(method) is str and method.isidentifier() and not method.startswith("__"):
            members.setdefault(method, _method(method))
    members["__getattr__"] = _getting
    if any(issubclass(base, BaseException) for base in bases):
        members["__str__"] = _text
        for special in ("__eq__", "__hash__"):
            members.pop(special, None)
        return _new_class(str(name), bases, members)
    members.update({refused: _uncrossable(refused) for refused in _UNCROSSABLE})
    members["__setattr__"], members["__delattr__"] = _setting, _deleting
    if not any(issubclass(base, IMMUTABLE) for base in bases):
        members["__dict__"] = builtins.property(lambda self: session.get(self, "__dict__"))
    return _new_class(str(name), bases, members)


def _new_class(name: str, bases: list[type], members: dict[str, Untyped]) -> Untyped:
    try:
        return type.__new__(RemoteClass, name, tuple(bases), members)
    except TypeError:
        # Bases that do not go together without those that were left out.
        first = next((base for base in bases if not isinstance(base, RemoteClass)), object)
        return type.__new__(RemoteClass, name, (first,), members)


def make_object(kind: Untyped, value: Untyped, facts: Untyped) -> Untyped:
    """A likeness of an object.

    Args:
        kind: The likeness of its class.
        value: The built-in value that it is besides, of a subclass of `int` and the like.
        facts: Name, qualified name, module and documentation of a function or a module.
    """
    base = next((base for base in IMMUTABLE if issubclass(kind, base)), object)
    made: Untyped = object.__new__(kind) if base is object else base.__new__(kind, value)  # type: ignore[call-arg]
    names = ("__name__", "__qualname__", "__module__", "__doc__")
    for name, fact in zip(names, facts, strict=False):
        if type(fact) is str:
            object.__setattr__(made, name, fact)
    return made
