"""Keeping what judges beside the solution out of its reach, and noticing what it changed all the same.

Nothing in Python is private: a function leads to its globals and to what it closes over, an object to its
class. So what judges is handed out only within a function of C that does not lead to it, and what a walk from
class to class still finds is compared with what it was, content by content, before each verdict.
"""

from __future__ import annotations

import _functools  # type: ignore[import-not-found]
import operator
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import ModuleType
    from typing import Any, TypeAlias

    Untyped: TypeAlias = Any  # whatever our modules hold
    Pin: TypeAlias = Callable[..., None]

_NOT_OURS = ("__dict__", "__weakref__", "__doc__")
_WRAPPERS = (staticmethod, classmethod, types.MethodType)


def conceal(function: Callable[..., Untyped]) -> Untyped:
    """The same function as an object of C: it has no globals, no cells and no attribute that leads to it.

    It is the wrapper of `functools.lru_cache` with a cache of no entries; only the garbage collector could
    name what is within, and beside the solution that ends the process.
    """
    return _functools._lru_cache_wrapper(function, 0, False, tuple)  # noqa: FBT003, SLF001 - positional only


def keeper(modules: Iterable[ModuleType]) -> tuple[Callable[[], bool], Pin]:
    """Remember what modules of ours hold: names, classes, functions' cells, containers, builtins.

    Returns:
        Whether all of it is the same still; and what adds names of a mapping that are to stay as they are.
    """
    tables: list[tuple[Untyped, tuple[Untyped, ...], tuple[Untyped, ...]]] = []
    cells: list[tuple[Untyped, Untyped]] = []
    pins: list[tuple[Callable[[str], Untyped], tuple[str, ...], tuple[Untyped, ...]]] = []
    _Walk(modules, tables, cells).run()
    # Bound here, since a name of this module might be another's by the time it is needed.
    every, each, same, length = all, map, operator.is_, len

    def whole() -> bool:
        for table, keys, values in tables:
            if length(table) != length(keys) or not every(each(same, table, keys)):
                return False
            if values and not every(each(same, table.values(), values)):
                return False
        for cell, content in cells:
            if cell.cell_contents is not content:
                return False
        return every([every(each(same, each(get, names), values)) for get, names, values in pins])

    def pin(holder: Mapping[str, Untyped], *names: str) -> None:
        pins.append((holder.get, names, tuple(holder[name] for name in names)))

    return whole, pin


class _Walk:
    """Finds what can be changed in modules of ours, each container once."""

    def __init__(self, modules: Iterable[ModuleType], tables: list[Untyped], cells: list[Untyped]) -> None:
        self._names = {module.__name__ for module in modules}
        self._waiting: list[Untyped] = [vars(module) for module in modules]
        self._tables = tables
        self._cells = cells
        self._seen: set[int] = set()

    def run(self) -> None:
        while self._waiting:
            value = self._waiting.pop()
            if id(value) not in self._seen:
                self._seen.add(id(value))
                self._look(value)

    def _look(self, value: Untyped) -> None:
        if isinstance(value, dict):
            self._tables.append((value, tuple(value), tuple(value.values())))
            self._waiting += value.values()
        elif isinstance(value, (list, set, tuple, frozenset)):
            if not isinstance(value, (tuple, frozenset)):
                self._tables.append((value, tuple(value), ()))
            self._waiting += value
        elif isinstance(value, types.FunctionType):
            self._function(value)
        elif isinstance(value, type) and value.__module__ in self._names:
            members = {name: each for name, each in vars(value).items() if name not in _NOT_OURS}
            self._tables.append((vars(value), tuple(vars(value)), tuple(vars(value).values())))
            self._waiting += members.values()
        elif isinstance(value, types.MappingProxyType):
            self._waiting += value.values()
        elif isinstance(value, _WRAPPERS):
            self._waiting.append(value.__func__)
        elif isinstance(value, property):
            self._waiting += (value.fget, value.fset, value.fdel)

    def _function(self, value: Untyped) -> None:
        self._waiting += (value.__kwdefaults__ or (), value.__globals__.get("__builtins__"))
        for cell in value.__closure__ or ():
            try:
                content = cell.cell_contents
            except ValueError:
                continue  # empty, of a class that has not come about
            self._cells.append((cell, content))
            self._waiting.append(content)
