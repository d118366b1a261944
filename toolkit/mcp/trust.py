"""Which files the user trusts: by their path and by every byte in them."""

from __future__ import annotations

import json
import os
import shlex
import stat
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from toolkit.mcp.config import McpFile, read_mcp_file
from toolkit.protocol import ToolConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FILE_NAME: Final = "mcp-trust.json"
_MAX_BYTES: Final = 10_000_000


class UntrustedError(ToolConfigError):
    """A file was not trusted, or has changed since; the message gives the command to run."""


@dataclass(frozen=True)
class Trusted:
    """What the user said.

    Attributes:
        path: The file, resolved.
        digest: SHA-256 of what stood in it.
        at: When, in ISO 8601, UTC.
    """

    path: Path
    digest: str
    at: str


class McpTrust:
    """The files that the user trusts, kept in Duograph's data folder where only the user may read."""

    def __init__(self, home: Path) -> None:
        """Keep the place; nothing is read or written yet.

        Args:
            home: Duograph's data folder, `Settings.home`.
        """
        self.path = home.expanduser() / FILE_NAME

    def read(self, path: Path) -> McpFile:
        """Read a file that is trusted.

        Raises:
            UntrustedError: When it is not trusted, or not with what stands in it now.
            ToolConfigError: When it cannot be read, or is wrong.
        """
        file = read_mcp_file(path)
        kept = {one.path: one.digest for one in self.trusted()}.get(file.path)
        if kept == file.digest:
            return file
        why = "is not trusted" if kept is None else "has changed since it was trusted"
        command = f"duograph tools trust {shlex.quote(str(file.path))}"
        raise UntrustedError(
            f"{file.path} {why}, so none of its servers runs: look at it, then run {command}"
        )

    def trust(self, file: McpFile) -> None:
        """Trust a file as it was read; what was said of that path before is replaced.

        Raises:
            ToolConfigError: When that cannot be kept.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._write({**self._kept(), str(file.path): {"sha256": file.digest, "at": now}})

    def untrust(self, path: Path) -> bool:
        """Take it back, whether or not the file is still there; tell whether it was trusted.

        Raises:
            ToolConfigError: When that cannot be kept.
        """
        kept = dict(self._kept())
        names = {str(path), str(path.expanduser().resolve())} & set(kept)
        for name in names:
            del kept[name]
        if names:
            self._write(kept)
        return bool(names)

    def trusted(self) -> Sequence[Trusted]:
        """List what is trusted, by path.

        Raises:
            ToolConfigError: When that cannot be read, or others could have written it.
        """
        return [Trusted(Path(name), one["sha256"], one["at"]) for name, one in sorted(self._kept().items())]

    def _kept(self) -> Mapping[str, Mapping[str, str]]:
        try:
            with self.path.open("rb") as opened:
                mode = os.fstat(opened.fileno())
                data = opened.read(_MAX_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise self._wrong(f"cannot be read ({error.strerror})") from None
        if mode.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or mode.st_uid not in {os.getuid(), 0}:
            raise self._wrong("can be written by others, so it proves nothing")
        try:
            kept = json.loads(data)
        except (ValueError, RecursionError):
            kept = None
        if not _is_ours(kept):
            raise self._wrong("is damaged")
        found: Mapping[str, Mapping[str, str]] = kept["files"]
        return found

    def _wrong(self, what: str) -> ToolConfigError:
        return ToolConfigError(f"{self.path} {what}: remove it, and trust your files anew.")

    def _write(self, kept: Mapping[str, Mapping[str, str]]) -> None:
        """Replace the file as a whole: nobody ever sees half of it, and it is readable by the user only."""
        text = json.dumps({"version": 1, "files": kept}, indent=2) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{FILE_NAME}-")  # of mode 0600
            try:
                with os.fdopen(file, "w", encoding="utf-8") as opened:
                    opened.write(text)
                    opened.flush()
                    os.fsync(opened.fileno())
                Path(name).replace(self.path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise ToolConfigError(f"{self.path} cannot be written ({error.strerror}).") from None


def _is_ours(kept: Any) -> bool:  # noqa: ANN401  # any JSON
    files = kept.get("files") if isinstance(kept, dict) else None
    return isinstance(files, dict) and all(
        isinstance(one, dict) and isinstance(one.get("sha256"), str) and isinstance(one.get("at"), str)
        for one in files.values()
    )
