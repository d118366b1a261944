"""Importing the solution's modules in the judge: what tests get is a likeness."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType
    from typing import Any, TypeAlias

    from sandbox.inside.session import Session

    Untyped: TypeAlias = Any  # what the solution gives
else:
    ModuleType = type(sys)


class RemoteModule(ModuleType):
    """A module of the solution."""

    def __getattr__(self, name: str) -> Untyped:
        """Ask for an attribute."""
        session, module = vars(self)["__far__"]
        return session.fetch("get", module, name)

    def __setattr__(self, name: str, value: Untyped) -> None:
        """Take what the import system sets, and nothing else."""
        if not (name.startswith("__") or isinstance(value, RemoteModule)):
            raise vars(self)["__far__"][0].refuse("a name of the solution's module that the tests change")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        """Refuse as well."""
        raise vars(self)["__far__"][0].refuse("a name of the solution's module that the tests delete")


class Modules:
    """Finds the solution's modules for the tests, for as long as it is open."""

    def __init__(self, session: Session, own: Iterable[str]) -> None:
        """Find the modules and packages `own`, and `solution`."""
        self._session = session
        self._own = {*own, "solution"}

    def __enter__(self) -> None:
        """Begin to find."""
        self._forget()
        sys.meta_path.insert(0, self)

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind."""
        sys.meta_path.remove(self)
        self._forget()

    def _forget(self) -> None:
        for name in [name for name in sys.modules if name.split(".")[0] in self._own]:
            del sys.modules[name]

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        """Answer the import system."""
        if name.split(".", maxsplit=1)[0] not in self._own:
            return None
        return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Import it where the solution is."""
        module = RemoteModule(spec.name)
        vars(module)["__far__"] = self._session, self._session.fetch("module", spec.name)
        return module

    def exec_module(self, _module: ModuleType) -> None:
        """Nothing is left to do."""
