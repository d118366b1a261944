"""Importing the solution's modules, wherever its code runs."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sandbox.inside.describing import describe
else:
    from describing import describe


def module_names(paths: list[str]) -> list[str]:
    """The solution's top-level modules and packages, `solution` first."""
    names = {
        path.split("/")[0].removesuffix(".py") for path in paths if path.endswith(".py") and _is_top(path)
    }
    return sorted(names, key=lambda name: (name != "solution", name))


def _is_top(path: str) -> bool:
    parts = path.split("/")
    if len(parts) == 1:
        return path not in ("__main__.py", "setup.py") and path[:-3].isidentifier()
    return parts[0].isidentifier() and parts[1:] == ["__init__.py"]


def settle_in(folder: str, inside: str, site: list[str]) -> None:
    """Look for modules where the solution is."""
    sys.path[:] = [folder, *(path for path in sys.path if path != inside), *site]
    sys.argv[:] = ["solution.py"]


def import_one(name: str, folder: str, load: object = __import__) -> str:
    """Import a module.

    Returns:
        What was wrong with it, else an empty text.
    """
    try:
        if name not in sys.builtin_module_names:
            sys.modules.pop(name, None)
        load(name)  # type: ignore[operator]
        sys.modules[name]
    except BaseException as error:  # noqa: BLE001 - SystemExit and worse are failures as well
        return f"import {name}: {describe(error, folder)}"
    return ""


def names_of(modules: list[str]) -> dict[str, Any]:
    """The names that tests see: those of all modules, of the first before those of the last."""
    names: dict[str, Any] = {}
    loaded = [sys.modules[name] for name in modules]
    for module in reversed(loaded):
        names.update({key: value for key, value in vars(module).items() if not _is_system_name(key)})
    if "solution" not in sys.modules and loaded:
        sys.modules["solution"] = loaded[0]
    return names


def _is_system_name(name: object) -> bool:
    return not isinstance(name, str) or (name.startswith("__") and name.endswith("__"))
