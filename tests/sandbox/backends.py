"""The backends that every promise of the room is tested on."""

import shutil
import sys

import pytest

from sandbox import BubblewrapSandbox, NonoSandbox, Sandbox

BACKENDS = ("nono", "nono-without-namespace", "bubblewrap")


def make_backend(name: str) -> Sandbox:
    """A backend of its own; skips the test when the machine has it not."""
    if name == "bubblewrap":
        if sys.platform != "linux" or shutil.which("bwrap") is None:
            pytest.skip("bwrap is not on PATH: apt-get install bubblewrap")
        return BubblewrapSandbox()
    return NonoSandbox(namespace=name == "nono")
