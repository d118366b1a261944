"""Scratch folders: made before a run, removed after it, whatever the run left in them."""

import contextlib
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sandbox.evidence import SourceFile


def make_scratch(files: Sequence[SourceFile]) -> Path:
    """Write files into a new folder that only this user can enter. Blocks.

    The paths must have been checked before.
    """
    folder = Path(tempfile.mkdtemp(prefix="duograph-")).resolve()
    try:
        for file in files:
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.content.encode("utf-8", "surrogatepass"))
    except BaseException:
        remove_scratch(folder)
        raise
    return folder


def remove_scratch(folder: Path) -> None:
    """Remove a folder even if it is thousands of levels deep or made unreadable. Blocks.

    Folders are lifted to the top level before they are removed, so no path ever gets long.
    """
    lifted = 0
    _open_up(folder)
    while entries := list(os.scandir(folder)):
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)  # noqa: PTH108 - as quick as it gets, there may be a million
                continue
            _open_up(entry.path)
            for inner in list(os.scandir(entry.path)):
                if inner.is_dir(follow_symlinks=False):
                    # Moving a folder rewrites its "..", which needs the right to write to it.
                    _open_up(inner.path)
                    lifted += 1
                    os.rename(inner.path, folder / f".lifted-{lifted}")  # noqa: PTH104
                else:
                    os.unlink(inner.path)  # noqa: PTH108
            os.rmdir(entry.path)  # noqa: PTH106
    with contextlib.suppress(FileNotFoundError):
        folder.rmdir()


def _open_up(path: str | Path) -> None:
    os.chmod(path, stat.S_IRWXU, follow_symlinks=os.chmod not in os.supports_follow_symlinks)  # noqa: PTH101
