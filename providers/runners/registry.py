"""Finds runners by name: ours, those that a program registers, and those of other packages."""

from __future__ import annotations

import difflib
import importlib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from providers.protocol import ModelConfigError
from providers.scrub import one_line, quote

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.metadata import EntryPoint

    from providers.runners.protocol import Runner

    RunnerFactory = Callable[[], Runner]

ENTRY_POINTS = "duograph.runners"
"""The group in which a package names its runners: `NAME = "package.module:factory"`."""

_PARTS = ("load", "generate", "cleanup")
_OURS = {"mlx": ("providers.mlx.runner", "MlxRunner"), "vllm": ("providers.runners.vllm", "VllmRunner")}


class RunnerRegistry:
    """Runners by name; importing one is left to its first use."""

    def __init__(self) -> None:
        """Start with ours; the packages that are installed are asked when a name is looked up."""
        self._registered: dict[str, RunnerFactory] = {}

    def register(self, name: str, factory: RunnerFactory, *, replace: bool = False) -> None:
        """Make a runner known under a name.

        Args:
            name: A Python identifier in lower case, such as `mlx`.
            factory: Makes a runner that has loaded nothing yet.
            replace: Whether the name may be taken already.

        Raises:
            ModelConfigError: When the name is malformed, or taken and not to be replaced, or the factory
                cannot be called.
        """
        given: object = name  # a program need not be typed
        if not isinstance(given, str) or not name.isidentifier() or name != name.lower():
            raise ModelConfigError(
                f"The runner name {quote(str(name))} must be a lower-case identifier, such as my_runner."
            )
        if not callable(factory):
            raise ModelConfigError(
                f"The factory of the runner {quote(name)} is {quote(repr(factory))}; give a class, or a "
                "function that makes a runner."
            )
        if not replace and name in self.names():
            raise ModelConfigError(
                f"There is a runner {quote(name)} already; choose another name, or pass replace=True."
            )
        self._registered[name] = factory

    def names(self) -> list[str]:
        """Return every name that can be looked up; nothing is imported."""
        return sorted({*_OURS, *self._registered, *(point.name for point in _points())})

    def create(self, name: str) -> Runner:
        """Make a runner.

        Args:
            name: One of `names`; what a program registered goes before ours, ours before other packages'.

        Returns:
            A runner that has loaded nothing yet.

        Raises:
            ModelConfigError: When there is none of that name, or its package or factory is broken.
        """
        factory = self._registered.get(name)
        if factory is None and name in _OURS:
            module, attribute = _OURS[name]
            factory = getattr(importlib.import_module(module), attribute)
        if factory is None:
            point = next((point for point in _points() if point.name == name), None)
            if point is None:
                raise self._unknown(name)
            factory = _load(point)
        return _made(name, factory)

    def _unknown(self, name: str) -> ModelConfigError:
        near = difflib.get_close_matches(name, self.names(), n=1)
        advice = f"did you mean {near[0]}?" if near else "install its package, or register it."
        return ModelConfigError(f"Unknown runner {quote(name)}: {advice} Known: {', '.join(self.names())}.")


def _points() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=ENTRY_POINTS))


def _load(point: EntryPoint) -> RunnerFactory:
    package = point.dist.name if point.dist else point.value
    try:
        factory = point.load()
    except Exception as error:  # noqa: BLE001 - whatever a foreign package raises at import
        reason = one_line(f"{type(error).__name__}: {error}")
        raise ModelConfigError(
            f"The runner {quote(point.name)} of {package} cannot be imported ({reason}); repair that package."
        ) from None
    if not callable(factory):
        raise ModelConfigError(
            f"The runner {quote(point.name)} of {package} is no factory but {type(factory).__name__}; "
            f"its entry point in {ENTRY_POINTS} must name a callable."
        )
    made: RunnerFactory = factory
    return made


def _made(name: str, factory: RunnerFactory) -> Runner:
    """Call a factory, which is foreign code, and look whether a runner comes out."""
    try:
        runner = factory()
    except ModelConfigError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a foreign factory raises
        reason = one_line(f"{type(error).__name__}: {error}")
        raise ModelConfigError(
            f"The runner {quote(name)} cannot be made ({reason}); repair its factory."
        ) from None
    missing = [part for part in _PARTS if not callable(getattr(runner, part, None))]
    if missing:
        raise ModelConfigError(
            f"The factory of the runner {quote(name)} gave {type(runner).__name__}, which has no "
            f"{' and no '.join(missing)}; it must make a runner."
        )
    return runner


_REGISTRY = RunnerRegistry()


def register_runner(name: str, factory: RunnerFactory, *, replace: bool = False) -> None:
    """Make a runner known to this process; see `RunnerRegistry.register`."""
    _REGISTRY.register(name, factory, replace=replace)


def get_runner(name: str) -> Runner:
    """Make a runner by its name; see `RunnerRegistry.create`."""
    return _REGISTRY.create(name)


def runner_names() -> list[str]:
    """Return the names that `get_runner` knows."""
    return _REGISTRY.names()
