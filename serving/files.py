"""Writes a solution's files into a folder: never outside it, never over a file, all or none."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from serving.faults import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox import SourceFile


def safe_join(folder: Path, path: str) -> Path:
    """The place of `path` inside `folder`, symbolic links followed.

    Args:
        folder: An existing folder or one to be made.
        path: A relative POSIX path, as a model chose it.

    Raises:
        InputError: When the place is not inside the folder.
    """
    parts = PurePosixPath(path).parts
    windows = PureWindowsPath(path)
    odd = not path.isprintable() or "\\" in path or windows.drive or path.endswith("/")
    # Git runs what lies in its folder, so a solution has no business there.
    if odd or not parts or path.startswith("/") or any(part.lower() in {"..", ".git"} for part in parts):
        raise InputError(f"The solution names a file {path!r}, which is no plain path inside a folder.")
    root = folder.resolve()
    # The last part stays as it is: a link there is replaced or refused, never followed.
    place = root.joinpath(*parts[:-1]).resolve() / parts[-1]
    if not place.is_relative_to(root):
        raise InputError(f"The solution's file {path!r} would leave {folder} through a link.")
    return place


@dataclass(frozen=True, slots=True)
class Destination:
    """A folder that files may be written to.

    Attributes:
        folder: Made when it is missing.
        force: Whether a file that exists may be replaced.
    """

    folder: Path
    force: bool = False

    def check(self) -> None:
        """See whether files can be written there, before there are any.

        Raises:
            InputError: When not.
        """
        try:
            place = self.folder.absolute()
            while not place.exists() and not place.is_symlink() and place != place.parent:
                place = place.parent
            usable = "\0" not in str(self.folder) and place.is_dir() and os.access(place, os.W_OK | os.X_OK)
        except (OSError, ValueError):
            usable = False
        if not usable:
            raise InputError(
                f"--out {self.folder} is not a folder that can be written to: choose another one."
            )

    def write(self, files: Sequence[SourceFile]) -> list[Path]:
        """Write all `files`, or none.

        Returns:
            Where they are now.

        Raises:
            InputError: When one of them exists, lies outside the folder or cannot be written.
        """
        places = [safe_join(self.folder, file.path) for file in files]
        self._refuse_existing(places)
        staged: list[tuple[Path, Path]] = []
        try:
            for place, file in zip(places, files, strict=True):
                staged.append((_stage(place, file.content), place))
            self._publish(staged)
        except (OSError, UnicodeEncodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise InputError(
                f"--out {self.folder} could not be written ({reason}): nothing was changed."
            ) from None
        finally:
            for temporary, _ in staged:
                temporary.unlink(missing_ok=True)
        return places

    def _refuse_existing(self, places: Sequence[Path]) -> None:
        if len({str(place).casefold() for place in places}) < len(places):
            raise InputError("The solution names the same file twice, so none is written.")
        for place in places:
            if place.is_dir():
                raise InputError(f"{place} is a folder, and the solution has a file of that name.")
            if not self.force and (place.exists() or place.is_symlink()):
                raise InputError(f"{place} exists: use --force to replace it, or another --out folder.")

    def _publish(self, staged: Sequence[tuple[Path, Path]]) -> None:
        """Move the finished files to their places; take back what is new when one cannot be moved."""
        done: list[Path] = []
        try:
            for temporary, place in staged:
                if self.force:
                    temporary.replace(place)
                else:
                    _move_to_free_name(temporary, place)
                    done.append(place)
        except OSError:
            for place in done:
                with suppress(OSError):
                    place.unlink()
            raise


def _move_to_free_name(temporary: Path, place: Path) -> None:
    """Give a file its name, unless the name was taken meanwhile."""
    try:
        os.link(temporary, place)  # unlike a rename, it fails when the name is taken
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if place.exists():
            raise
        temporary.replace(place)


def _stage(place: Path, content: str) -> Path:
    """Write `content` beside its place, under a name of no meaning."""
    data = content.encode()
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary
