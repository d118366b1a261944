"""Importing the solution's modules, wherever its code runs."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sandbox.inside.describing import describe
else:
    from describing import describe

_ASIDE = frozenset(("tests", "test", "conftest", "docs", "examples", "scripts", "benchmarks"))


def module_names(paths: list[str]) -> list[str]:
    """The solution's modules, also those inside packages: `solution` first, packages before their parts."""
    names = {name for path in paths if path.endswith(".py") and (name := _dotted(path))}
    # Programs, tests and the like are for others to run, unless there is nothing else.
    ordinary = {name for name in names if name != "setup" and not name.endswith("__main__")}
    wanted = {name for name in ordinary if not any(_is_aside(part) for part in name.split("."))}
    wanted = wanted or ordinary or names
    return sorted(wanted, key=lambda name: (name != "solution", name.count("."), name))


def _dotted(path: str) -> str:
    """The name under which a file is imported, by `__import__` if not by a statement; else nothing."""
    parts = path[:-3].split("/")
    if parts[-1] == "__init__":
        parts.pop()
    return "" if parts == ["__main__"] or any("." in part for part in parts) else ".".join(parts)


def _is_aside(part: str) -> bool:
    return part in _ASIDE or part.startswith("test_") or part.endswith("_test")


def settle_in(folder: str, inside: str, site: list[str]) -> None:
    """Look for modules where the solution is."""
    sys.path[:] = [folder, *(path for path in sys.path if path != inside), *site]
    sys.argv[:] = ["solution.py"]


def make_way(modules: list[str]) -> None:
    """Forget what the process has loaded under the solution's names.

    All of them before the first is imported: each module is loaded once, by whoever needs it.
    """
    for name in {name.split(".")[0] for name in modules} - {*sys.builtin_module_names}:
        sys.modules.pop(name, None)


def import_one(name: str, folder: str, load: object = __import__) -> str:
    """Import a module.

    Returns:
        What was wrong with it, else an empty text.
    """
    try:
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
