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

_NAME = re.compile(r"duograph-(?:run|probe)-(\d+)-(?:(\d+-\d+)-)?\w{8}")
_ORPHANED_S = 86_400.0
"""How long a folder is kept of whose program nothing can be known here, such as one in another container."""
# Windows, which has no sandbox, lacks two of them.
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)


def new_folder(what: Literal["run", "probe"]) -> Path:
    """Make a folder that only this user can enter; its name tells the program that uses it. Blocks."""
    program = os.getpid()
    return Path(tempfile.mkdtemp(prefix=f"duograph-{what}-{program}-{_birth(program)}-")).resolve()


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

    Each folder is opened from the one above it and left through `..`, so that no path ever gets long, few
    descriptors are open, and the time grows with the number of entries only. Whatever ran there must be dead.
    """
    os.chmod(folder, stat.S_IRWXU)  # noqa: PTH101 - beside its kin below
    here = os.open(folder, _FOLDER)
    waiting = [_empty(here)]
    entered: list[str] = []
    try:
        while waiting:
            if waiting[-1]:
                entered.append(waiting[-1].pop())
                # The folder's own rights decide whether it can be read and emptied.
                os.chmod(entered[-1], stat.S_IRWXU, dir_fd=here)
                here = _move(here, entered[-1])
                waiting.append(_empty(here))
                continue
            waiting.pop()
            if waiting:
                here = _move(here, "..")
                os.rmdir(entered.pop(), dir_fd=here)
    finally:
        os.close(here)
    with contextlib.suppress(FileNotFoundError):
        folder.rmdir()


def _empty(folder: int) -> list[str]:
    """Remove the files of an open folder, and name the folders in it."""
    folders = []
    for entry in list(os.scandir(folder)):
        if entry.is_dir(follow_symlinks=False):
            folders.append(entry.name)
        else:
            os.unlink(entry.name, dir_fd=folder)
    return folders


def _move(folder: int, name: str) -> int:
    """Open another folder by its name in this one, and let go of this one."""
    other = os.open(name, _FOLDER, dir_fd=folder)
    os.close(folder)
    return other


def start_sweeping() -> None:
    """Remove in the background what killed programs left; a program that ends does not wait for it."""
    threading.Thread(target=sweep, name="duograph-sweep", daemon=True).start()


def sweep() -> None:
    """Remove scratch folders of this user whose program is gone, or may be gone since a day. Blocks."""
    with contextlib.suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if (match := _NAME.fullmatch(entry.name)) is None:
                continue
            # Another program may sweep at the same time.
            with contextlib.suppress(OSError):
                if _is_orphan(entry.stat(follow_symlinks=False), int(match[1]), match[2] or ""):
                    remove_scratch(Path(entry.path))


def _is_orphan(facts: os.stat_result, program: int, birth: str) -> bool:
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid():
        return False
    began, _, processes = birth.partition("-")
    if began not in ("", "0") and processes == _processes():
        # Its number may belong to another program by now.
        return _birth(program) != birth
    return time.time() - facts.st_mtime > _ORPHANED_S and not _is_alive(program)


def _birth(program: int) -> str:
    """When a program began, in ticks since the machine's start, and which numbers of processes are meant.

    Nothing is known of it where there is no `/proc`.
    """
    try:
        with open(f"/proc/{program}/stat", "rb") as file:  # noqa: PTH123 - at every run
            ticks = int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        ticks = 0
    return f"{ticks}-{_processes()}"


def _processes() -> str:
    """The namespace of process numbers that this program sees."""
    try:
        return str(os.stat("/proc/self/ns/pid").st_ino)  # noqa: PTH116 - beside its kin
    except OSError:
        return "0"


def _is_alive(program: int) -> bool:
    try:
        os.kill(program, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        # Another user has that number by now; better kept too long than removed too early.
        return True
    return True
