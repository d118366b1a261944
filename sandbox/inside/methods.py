"""Likenesses, in the judge, of what classes of the solution hold: their methods, texts and dictionaries."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from sandbox.inside.kinds import SPECIALS

    Untyped: TypeAlias = Any  # what the solution gives
else:
    from kinds import SPECIALS

FAR = "__far__"
ASKED = (SPECIALS - {"__call__", "__enter__", "__exit__"}) | frozenset(
    ["__init__", "__annotations__", "__getattr__", "__setattr__", "__delattr__", "__init_subclass__"]
)
"""What likenesses of classes have for themselves, and would say of themselves when asked for by name."""


def session_of(kind: type) -> Untyped:
    """The session that a class belongs to."""
    return type.__getattribute__(kind, FAR)


class Method:
    """A method in a likeness of a class: quick to call on an object, and itself where the class is asked."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        """Stand for the method of that name."""
        self._name = name

    def __get__(self, owner: Untyped, kind: type | None = None) -> Untyped:
        """The method of an object, or the function of the class."""
        if owner is not None:
            return Bound(owner, self._name)
        assert kind is not None  # noqa: S101 - for the type checker
        return session_of(kind).get(kind, self._name)


class Bound:
    """A method of an object of the solution; one request calls it."""

    __slots__ = ("__name__", "__self__")

    def __init__(self, owner: Untyped, name: str) -> None:
        """Stand for the method of `owner`."""
        self.__self__ = owner
        self.__name__ = name

    def __call__(self, *args: Untyped, **more: Untyped) -> Untyped:
        """Call it where the object is."""
        owner = self.__self__
        return session_of(type(owner)).request("method", owner, self.__name__, args, tuple(more.items()))

    def __getattr__(self, name: str) -> Untyped:
        """Ask the method itself."""
        owner = self.__self__
        return getattr(session_of(type(owner)).get(owner, self.__name__), name)

    def __eq__(self, other: object) -> bool:
        """Be the same method of the same object."""
        if not isinstance(other, Bound):
            return NotImplemented
        return self.__self__ is other.__self__ and self.__name__ == other.__name__

    def __hash__(self) -> int:
        """A number that equal ones share."""
        return hash((id(self.__self__), self.__name__))

    def __repr__(self) -> str:
        """Say what it is."""
        return f"<bound method {type(self.__self__).__name__}.{self.__name__}>"

    # Not those of this class.
    __doc__ = property(lambda self: self.__getattr__("__doc__"))
    __module__ = property(lambda self: self.__getattr__("__module__"))


class Documentation:
    """What documents a class; each object may have a text of its own, or none."""

    __slots__ = ("_text",)

    def __init__(self, text: str | None) -> None:
        """Say `text` of the class."""
        self._text = text

    def __get__(self, owner: Untyped, kind: type | None = None) -> Untyped:
        """The class's text, or the object's."""
        return self._text if owner is None else session_of(type(owner)).get(owner, "__doc__")


class Members:
    """The dictionary of a class, as far as it is known here: by special methods abstract classes judge."""

    __slots__ = ("_kind",)

    def __init__(self, kind: type) -> None:
        """Answer for `kind`."""
        self._kind = kind

    def _known(self, name: Untyped) -> Untyped:
        if name not in SPECIALS:
            raise session_of(self._kind).refuse("the dictionary of a class of the solution")
        return type.__dict__["__dict__"].__get__(self._kind)

    def __contains__(self, name: Untyped) -> bool:
        """Whether a special method is defined."""
        return name in self._known(name)

    def __getitem__(self, name: Untyped) -> Untyped:
        """A special method."""
        return self._known(name)[name]

    def __getattr__(self, _name: str) -> Untyped:
        """Refuse all else."""
        return self._known("")

    def __iter__(self) -> Untyped:
        """Refuse as well."""
        return self._known("")

    def __len__(self) -> int:
        """Refuse as well."""
        return len(self._known(""))

    def __eq__(self, _other: object) -> bool:
        """Refuse as well."""
        return bool(self._known(""))

    __hash__ = None  # type: ignore[assignment]
