"""Loading our own modules so that untrusted code finds no handle on them."""

from __future__ import annotations

import builtins
import sys
from importlib.machinery import PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def load(folder: str, *names: str) -> list[ModuleType]:
    """Load modules that see a copy of the builtins and are unknown to `sys.modules` afterwards.

    A function keeps the builtins that its module had when it was made, so that replacing
    `builtins.isinstance` later changes nothing in ours.

    Args:
        folder: Where the modules are.
        names: The modules, each after those that it imports.
    """
    loaded = []
    for name in names:
        spec = PathFinder.find_spec(name, [folder])
        if spec is None or spec.loader is None:
            raise ImportError(name)
        code = spec.loader.get_code(name)  # type: ignore[attr-defined]
        module = type(sys)(name)
        vars(module)["__builtins__"] = dict(vars(builtins))
        sys.modules[name] = module
        exec(code, vars(module))  # noqa: S102 - our own file
        loaded.append(module)
    for name in names:
        del sys.modules[name]
    return loaded
