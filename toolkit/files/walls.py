"""Allowed folders, and opening what is in them in a way that leaves them neither by a link nor by a race.

A path is resolved first, so that links and `..` that stay inside work. What it resolves to is then opened
part by part, each in the folder opened before it and following no link: whoever swaps a folder for a link in
between gets an error. What is opened is looked at again before it is read.
"""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from toolkit.protocol import ToolConfigError, ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MAX_PATH = 4096
_FOLDER = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_FILE = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
)

_PRIVATE = frozenset(
    {
        ".env", ".netrc", "_netrc", ".pgpass", ".git-credentials", ".pypirc", ".npmrc", ".htpasswd",
        ".ssh", ".aws", ".azure", ".gnupg", ".kube", ".git", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519",
    }
)  # fmt: skip
_PRIVATE_ENDINGS = (".pem", ".key", ".p12", ".pfx", ".keystore", ".kdbx")
_EXAMPLES = (".env.example", ".env.sample", ".env.template")


@dataclass(frozen=True)
class Place:
    """Something inside an allowed folder.

    Attributes:
        root: The folder, resolved.
        parts: The way from there; no link among them when it was found.
        shown: Its path as the model writes it.
    """

    root: Path
    parts: tuple[str, ...]
    shown: str

    def __post_init__(self) -> None:
        if any(part in ("", ".", "..") or "/" in part for part in self.parts):
            raise ValueError("A way into a folder has one name in each part.")

    def child(self, name: str) -> Place:
        """Give what lies in it under this name."""
        return Place(self.root, (*self.parts, name), name if self.shown == "." else f"{self.shown}/{name}")


class Walls:
    """The folders that may be read.

    With one folder paths are relative to it; with several the first part is a folder's name. An absolute path
    is taken when it lies in one of them.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.roots: dict[str, Path] = {}
        for folder in folders:
            root = Path(os.path.realpath(folder.expanduser()))
            if not root.is_dir():
                raise ToolConfigError(f"file_roots {str(folder)!r} is no folder: name one that is there.")
            self.roots.setdefault(_unused(root.name or "root", self.roots), root)
        if not self.roots:
            raise ToolConfigError("file_roots is empty: name a folder that may be read.")

    def find(self, path: str) -> Place:
        """Resolve a path.

        Raises:
            ToolError: When it leads outside, whatever is there, or to what is private.
        """
        if "\0" in path or len(path) > _MAX_PATH:
            raise ToolError("That is no path.")
        root, rest = self._root_of(path)
        try:
            real = Path(os.path.realpath(root / rest))
        except (OSError, ValueError) as error:
            raise ToolError("That is no path.") from error
        if not real.is_relative_to(root):
            raise ToolError(f"{path} is outside of what may be read; allowed: {', '.join(self.roots)}.")
        parts = real.relative_to(root).parts
        if any(is_private(part) for part in parts):
            raise ToolError(f"{path} may hold secrets, so it is not read.")
        shown = "/".join((*self._prefix(root), *parts)) or "."
        return Place(root, parts, shown)

    def tops(self) -> Sequence[Place]:
        """Give the allowed folders themselves."""
        return [Place(root, (), "/".join(self._prefix(root)) or ".") for root in self.roots.values()]

    def _prefix(self, root: Path) -> tuple[str, ...]:
        if len(self.roots) == 1:
            return ()
        return (next(name for name, known in self.roots.items() if known == root),)

    def _root_of(self, path: str) -> tuple[Path, str]:
        if Path(path).is_absolute():
            for root in self.roots.values():
                if Path(path).is_relative_to(root):
                    return root, path
            raise ToolError(f"{path} is outside of what may be read; allowed: {', '.join(self.roots)}.")
        if len(self.roots) == 1:
            return next(iter(self.roots.values())), path or "."
        name, _, rest = path.removeprefix("./").partition("/")
        if name not in self.roots:
            raise ToolError(f"Begin the path with one of the allowed folders: {', '.join(self.roots)}.")
        return self.roots[name], rest or "."


def _unused(name: str, taken: dict[str, Path]) -> str:
    number, free = 2, name
    while free in taken:
        number, free = number + 1, f"{name}-{number}"
    return free


def is_private(name: str) -> bool:
    """Tell by its name whether a file or folder is likely to hold secrets, however it is written."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    is_environment = plain.startswith(".env.") and plain not in _EXAMPLES
    return plain in _PRIVATE or plain.endswith(_PRIVATE_ENDINGS) or is_environment


@contextmanager
def open_folder(place: Place) -> Iterator[int]:
    """Open a folder part by part, following no link, and give its descriptor.

    Raises:
        ToolError: When it is no folder, or may not be read.
    """
    try:
        handle = _descend(place.root, place.parts)
    except OSError as error:
        raise _told(error, place) from error
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def open_file(place: Place) -> Iterator[BinaryIO]:
    """Open an ordinary file in the same way; a pipe, a socket or a device is never opened.

    Raises:
        ToolError: When it is no ordinary file, or may not be read.
    """
    if not place.parts:
        raise ToolError(f"{place.shown} is a folder; use list_files.")
    with open_folder(Place(place.root, place.parts[:-1], place.shown)) as folder:
        try:
            _demand_file(os.stat(place.parts[-1], dir_fd=folder, follow_symlinks=False), place)
            handle = os.open(place.parts[-1], os.O_RDONLY | _FILE, dir_fd=folder)
        except OSError as error:
            raise _told(error, place) from error
    with os.fdopen(handle, "rb") as stream:
        _demand_file(os.fstat(handle), place)
        yield stream


def _descend(root: Path, parts: Sequence[str]) -> int:
    handle = os.open(root, os.O_RDONLY | _FOLDER)
    for part in parts:
        try:
            inner = os.open(part, os.O_RDONLY | _FOLDER, dir_fd=handle)
        finally:
            os.close(handle)
        handle = inner
    return handle


def _demand_file(found: os.stat_result, place: Place) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise ToolError(f"{place.shown} is a folder; use list_files.")
    if not stat.S_ISREG(found.st_mode):
        raise ToolError(f"{place.shown} is no ordinary file.")


def _told(error: OSError, place: Place) -> ToolError:
    reasons = {
        errno.ENOENT: "does not exist",
        errno.ENOTDIR: "is no folder",
        errno.ELOOP: "is a symbolic link that leads nowhere",
        errno.EACCES: "may not be read",
        errno.EPERM: "may not be read",
    }
    return ToolError(f"{place.shown} {reasons.get(error.errno or 0, 'cannot be opened')}.")
