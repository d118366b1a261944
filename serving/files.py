"""Writes a solution's files into a folder: never outside it, never over a file, all or none."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from serving.faults import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox import SourceFile


_RESERVED = re.compile(r"^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)|[<>:\"|?*]|[ .]$", re.IGNORECASE)
"""Names that some system takes for a device, or cannot have: a solution should arrive the same everywhere."""


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
    odd = odd or any(_RESERVED.search(part) for part in parts)
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
        file: The one file to be written, where that and no folder was asked for; else empty.
    """

    folder: Path
    force: bool = False
    file: str = ""

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
        made: list[Path] = []
        staged: list[tuple[Path, Path]] = []
        try:
            for place, file in zip(places, files, strict=True):
                _make_folders(place.parent, made)
                staged.append((_stage(place, file.content), place))
            self._publish(staged)
        except (OSError, UnicodeEncodeError) as error:
            _clear(staged, made)
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise InputError(
                f"--out {self.file or self.folder} could not be written ({reason}): nothing was changed."
            ) from None
        except BaseException:  # a signal
            _clear(staged, made)
            raise
        _clear(staged, [])
        return places

    def _refuse_existing(self, places: Sequence[Path]) -> None:
        if len({str(place).casefold() for place in places}) < len(places):
            raise InputError("The solution names the same file twice, so none is written.")
        if set(places) & {parent for place in places for parent in place.parents}:
            raise InputError("The solution has a file and a folder of one name, so none is written.")
        for place in places:
            if place.is_dir():
                raise InputError(f"{place} is a folder, and the solution has a file of that name.")
            if not self.force and (place.exists() or place.is_symlink()):
                what = "file" if self.file else "folder"
                raise InputError(f"{place} exists: use --force to replace it, or another --out {what}.")

    def _publish(self, staged: Sequence[tuple[Path, Path]]) -> None:
        """Move the finished files to their places; when one cannot be moved, put back what was there."""
        done: list[tuple[Path, Path | None]] = []
        try:
            for temporary, place in staged:
                if self.force:
                    done.append((place, _keep(place)))
                    temporary.replace(place)
                else:
                    _move_to_free_name(temporary, place)
                    done.append((place, None))
        except BaseException:  # a signal too
            for place, kept in reversed(done):
                with suppress(OSError):
                    kept.replace(place) if kept else place.unlink(missing_ok=True)
            raise
        finally:
            for _, kept in done:
                if kept is not None:
                    kept.unlink(missing_ok=True)


def write_file(out: str, content: str, *, force: bool) -> None:
    """Write the one file that `--out` names.

    Raises:
        InputError: When it exists or cannot be written.
    """
    from sandbox import SourceFile  # noqa: PLC0415  # only when there is something to write

    place = Path(out)
    if place.is_dir():
        raise InputError(f"{out} is a folder: name a file in it.")
    whole = SourceFile(path=place.name, content=content)
    Destination(place.parent, force=force, file=out).write([whole])


def _keep(place: Path) -> Path | None:
    """Give what is to be replaced a second name; a link gets it itself, never what it leads to."""
    if not place.exists() and not place.is_symlink():
        return None
    kept = place.with_name(f".{secrets.token_hex(8)}.kept")
    try:
        os.link(place, kept, follow_symlinks=False)
    except (OSError, NotImplementedError):  # a file system without hard links
        place.rename(kept)
    return kept


def _make_folders(folder: Path, made: list[Path]) -> None:
    """Make a folder and those above it; those that were missing are added to `made`."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir()
        made.append(each)


def _clear(staged: Sequence[tuple[Path, Path]], made: Sequence[Path]) -> None:
    """Remove what was only for the way, and folders that nothing came into."""
    for temporary, _ in staged:
        temporary.unlink(missing_ok=True)
    for folder in reversed(made):
        with suppress(OSError):  # somebody else put something there
            folder.rmdir()


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
