"""Loading our own modules so that untrusted code finds no handle on them."""

from __future__ import annotations

import builtins
import sys
from importlib.machinery import PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


_loaded: dict[str, ModuleType] = {}
"""What a template has loaded before the run was forked from it."""
_builtins: dict[str, object] = {}
"""The copy of the builtins that all of ours see."""


def load(folder: str, *names: str) -> list[ModuleType]:
    """Load modules that see a copy of the builtins and are unknown to `sys.modules` afterwards.

    A function keeps the builtins that its module had when it was made, so that replacing
    `builtins.isinstance` later changes nothing in ours.

    Args:
        folder: Where the modules are.
        names: The modules, each after those that it imports.
    """
    loaded = []
    if not _builtins:
        _builtins.update(vars(builtins))
    for name in names:
        sys.modules[name] = module = _loaded.get(name) or type(sys)(name)
        if name not in _loaded:
            _fill(module, folder)
            _loaded[name] = module
        loaded.append(module)
    for name in names:
        del sys.modules[name]
    return loaded


def _fill(module: ModuleType, folder: str) -> None:
    name = module.__name__
    spec = PathFinder.find_spec(name, [folder])
    if spec is None or spec.loader is None:
        raise ImportError(name)
    code = spec.loader.get_code(name)  # type: ignore[attr-defined]
    vars(module)["__builtins__"] = _builtins
    exec(code, vars(module))  # noqa: S102 - our own file
