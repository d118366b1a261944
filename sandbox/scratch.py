"""Scratch folders: made before a run, removed after it, whatever the run left in them."""

import contextlib
import os
import re
import stat
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sandbox.evidence import SourceFile

_NAME = re.compile(r"duograph-(?:run|probe)-(\d+)-\w{8}")
_ORPHANED_S = 86_400.0


def new_folder(what: Literal["run", "probe"]) -> Path:
    """Make a folder that only this user can enter; its name tells the program that uses it. Blocks."""
    return Path(tempfile.mkdtemp(prefix=f"duograph-{what}-{os.getpid()}-")).resolve()


def make_scratch(files: Sequence[SourceFile]) -> Path:
    """Write files into a new folder that only this user can enter. Blocks.

    The paths must have been checked before.
    """
    folder = new_folder("run")
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


def start_sweeping() -> None:
    """Remove in the background what killed programs left; a program that ends does not wait for it."""
    threading.Thread(target=sweep, name="duograph-sweep", daemon=True).start()


def sweep() -> None:
    """Remove scratch folders of this user that are older than a day and whose program is gone. Blocks."""
    with contextlib.suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if (match := _NAME.fullmatch(entry.name)) is None:
                continue
            # Another program may sweep at the same time.
            with contextlib.suppress(OSError):
                if _is_orphan(entry.stat(follow_symlinks=False), int(match[1])):
                    remove_scratch(Path(entry.path))


def _is_orphan(facts: os.stat_result, program: int) -> bool:
    old = time.time() - facts.st_mtime > _ORPHANED_S
    return old and stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid() and not _is_alive(program)


def _is_alive(program: int) -> bool:
    try:
        os.kill(program, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        # Another user has that number by now; better kept too long than removed too early.
        return True
    return True
