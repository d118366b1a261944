"""Duograph: a dual-model agent that always ends, proves its code and remembers.

from duograph import Agent, Settings

with Agent(Settings(home="/tmp/duograph")) as agent:
    print(agent.ask("Write a function that reverses a string").answer)
"""

# Every `duograph --help` pays for these imports, and until they are done Ctrl-C shows Python's traceback:
# typing, pathlib and importlib.util alone would take most of that time.
from __future__ import annotations

import os.path
import sys
from importlib import import_module
from importlib.machinery import PathFinder

TYPE_CHECKING = False  # type checkers know the name, and need no import for it
if TYPE_CHECKING:
    from typing import Any

    from checkpoints import DatabaseError, Sessions
    from graph.agent import Agent, RequestError
    from graph.build import GUARDS, assemble, build_graph, compile_graph, make_nodes
    from graph.compiled import DuoGraph
    from graph.events import (
        Checked,
        Event,
        Finished,
        NodeStarted,
        Noted,
        Restarted,
        Started,
        Token,
        ToolFinished,
        ToolStarted,
    )
    from graph.guards import Guard, UnguardedCycleError
    from graph.manager import ModelManager
    from graph.saver import open_saver
    from graph.services import Services
    from graph.settings import Settings, SettingsError
    from graph.user_settings import UserSettings, open_user_settings
    from memory import MemoryStoreError
    from memory.records import Selection
    from nodes import (
        Bounds,
        CallAnswer,
        ConsentAnswer,
        Context,
        Cost,
        Diagnosis,
        Finding,
        PlanAnswer,
        Result,
        Status,
        StopReason,
        ToolUse,
        TurnLimits,
    )
    from providers import (
        LocalModel,
        ModelConfigError,
        ModelResult,
        ModelsFailedError,
        OnlineModel,
        RoleParameters,
    )
    from sandbox import Case, Check, Diagnostic, Evidence, SourceFile
    from toolkit import Tool, ToolConfigError, ToolError, ToolText
    from toolkit.functions import has_effect, tool_of

__version__ = "0.1.0"

ROOMS = ("graph", "nodes", "providers", "checkpoints", "memory", "sandbox", "toolkit", "routing", "serving")

_PUBLIC = {
    "checkpoints": ("DatabaseError", "Sessions"),
    "graph.agent": ("Agent", "RequestError"),
    "graph.build": ("GUARDS", "assemble", "build_graph", "compile_graph", "make_nodes"),
    "graph.compiled": ("DuoGraph",),
    "graph.events": (
        "Checked",
        "Event",
        "Finished",
        "NodeStarted",
        "Noted",
        "Restarted",
        "Started",
        "Token",
        "ToolFinished",
        "ToolStarted",
    ),
    "graph.guards": ("Guard", "UnguardedCycleError"),
    "graph.manager": ("ModelManager",),
    "graph.saver": ("open_saver",),
    "graph.services": ("Services",),
    "graph.settings": ("Settings", "SettingsError"),
    "graph.user_settings": ("UserSettings", "open_user_settings"),
    "memory": ("MemoryStoreError",),
    "memory.records": ("Selection",),
    "nodes": (
        "Bounds",
        "CallAnswer",
        "ConsentAnswer",
        "Context",
        "Cost",
        "Diagnosis",
        "Finding",
        "PlanAnswer",
        "Result",
        "Status",
        "StopReason",
        "ToolUse",
        "TurnLimits",
    ),
    "providers": (
        "LocalModel",
        "ModelConfigError",
        "ModelResult",
        "ModelsFailedError",
        "OnlineModel",
        "RoleParameters",
    ),
    "sandbox": ("Case", "Check", "Diagnostic", "Evidence", "SourceFile"),
    "toolkit": ("Tool", "ToolConfigError", "ToolError", "ToolText"),
    "toolkit.functions": ("has_effect", "tool_of"),
}
_HOME_OF = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = [
    "GUARDS",
    "Agent",
    "Bounds",
    "CallAnswer",
    "Case",
    "Check",
    "Checked",
    "ConsentAnswer",
    "Context",
    "Cost",
    "DatabaseError",
    "Diagnosis",
    "Diagnostic",
    "DuoGraph",
    "Event",
    "Evidence",
    "Finding",
    "Finished",
    "Guard",
    "LocalModel",
    "MemoryStoreError",
    "ModelConfigError",
    "ModelManager",
    "ModelResult",
    "ModelsFailedError",
    "NodeStarted",
    "Noted",
    "OnlineModel",
    "PlanAnswer",
    "RequestError",
    "Restarted",
    "Result",
    "RoleParameters",
    "Selection",
    "Services",
    "Sessions",
    "Settings",
    "SettingsError",
    "SourceFile",
    "Started",
    "Status",
    "StopReason",
    "Token",
    "Tool",
    "ToolConfigError",
    "ToolError",
    "ToolFinished",
    "ToolStarted",
    "ToolText",
    "ToolUse",
    "TurnLimits",
    "UnguardedCycleError",
    "UserSettings",
    "__version__",
    "assemble",
    "build_graph",
    "compile_graph",
    "has_effect",
    "make_nodes",
    "open_saver",
    "open_user_settings",
    "tool_of",
]


def _check_rooms() -> None:
    """Make sure that the rooms Python finds are ours: their names are common words.

    Raises:
        ImportError: When another file stands in front of one of them.
    """
    home = os.path.dirname(os.path.realpath(__file__))
    for room in ROOMS:
        spec = sys.modules[room].__spec__ if room in sys.modules else PathFinder.find_spec(room)
        if spec is None:
            raise ImportError(f"Duograph's package {room!r} is missing: install duograph again.")
        found = spec.origin or next(iter(spec.submodule_search_locations or ()), "a module without a file")
        ours = os.path.join(home, room, "__init__.py")
        if os.path.realpath(found) != ours:
            raise ImportError(
                f"{found} shadows Duograph's package {room!r}: rename it, or start Python in another folder."
            )


def __getattr__(name: str) -> Any:  # noqa: ANN401  # a module's attributes have any type
    """Import a public name when it is first used, so that `duograph --help` imports no LangGraph."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'duograph' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def main() -> None:
    """The `duograph` command."""
    import signal  # noqa: PLC0415  # a program that only imports us keeps its own signals

    # Until the command line takes Ctrl-C over, it ends the process without Python's traceback.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from serving.cli import main as run  # noqa: PLC0415  # click is for the command line only

    run(__version__)


try:
    _check_rooms()
except ImportError as error:
    if __name__ == "__main__":  # a command ends in a sentence, not in a traceback
        sys.exit(f"duograph: {error}")
    raise

if __name__ == "__main__":
    main()
