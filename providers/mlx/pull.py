"""Fetches an MLX model into the hub's own cache, and goes on where it was broken off.

The hub's client does the talking and knows the cache's layout. It forgets what it has of a file when it is
stopped, though, and a file can have five gigabytes: so the contents are fetched here, one after the other,
into files that stay.
"""

from __future__ import annotations

import errno
import hashlib
import importlib
import shutil
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from providers.mlx.files import find_model
from providers.mlx.hub import (
    WANTED,
    NoSpaceError,
    Plan,
    PullError,
    RemoteFile,
    hub_errors,
    make_plan,
    present_bytes,
)
from providers.scrub import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Progress = Callable[[Plan, int], None]

_BLOCK = 2**20
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def free_bytes(folder: Path) -> int:
    """Tell how much room there is where a folder is, or will be."""
    while not folder.is_dir():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def pull(
    model: str, progress: Progress, *, plan: Plan | None = None, free: Callable[[Path], int] = free_bytes
) -> Path:
    """Fetch what is missing of a model, verify it, and give its folder.

    What has come stays on disk whatever happens, so calling it again goes on.

    Args:
        model: A hub id.
        progress: Told the plan and the bytes that are there, now and then.
        plan: What `make_plan` said, if it was asked already.
        free: Tells how many bytes a folder's disk has left.

    Returns:
        The folder that `mlx:` will find by the model's id.

    Raises:
        NoSpaceError: When the disk is too full, before the first byte or in the middle.
        PullError: When the hub has no such MLX model, breaks off, or sends something else than it promised,
            or its cache cannot be written.
    """
    plan = plan or make_plan(model)
    with _disk_errors(plan):
        needed, room = plan.missing_bytes(), free(plan.folder)
        if needed > room:
            raise NoSpaceError(
                f"{quote(plan.model)} needs {gigabytes(needed)} more, and {gigabytes(room)} are free in "
                f"{plan.folder.parent}; make room, or set HF_HOME to a folder on another disk."
            )
    with _disk_errors(plan), _alone(plan), hub_errors(plan.model):
        done = sum(present_bytes(plan, file) for file in plan.files)
        progress(plan, done)
        for file in plan.files:
            if not plan.blob(file).exists():
                before = done - present_bytes(plan, file)
                _fetch(plan, file, partial(_report, progress, plan, before))
                done = before + file.size
        _link(plan)
    return find_model(plan.model).folder


def gigabytes(size: int) -> str:
    """Write a number of bytes for people."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"  # noqa: PLR2004


@contextmanager
def _alone(plan: Plan) -> Iterator[None]:
    """Keep a second pull of the model from writing into the same files."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - comes with the hub's client

    blobs = plan.folder / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    lock = FileLock(blobs.parent / ".duograph.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise PullError(f"{quote(plan.model)} is being pulled by another process; wait for it.") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _disk_errors(plan: Plan) -> Iterator[None]:
    """Turn what the disk says into a sentence.

    Raises:
        NoSpaceError: When it is full.
        PullError: When a folder or file cannot be read or written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise NoSpaceError(
                f"The disk of {plan.folder.parent} is full; make room and run the command again, it goes on."
            ) from None
        if error.errno is None or error.filename is None:
            raise  # the network's
        raise PullError(
            f"{error.filename} cannot be used ({error.strerror}); mend it, or set HF_HOME to another folder."
        ) from None


def _report(progress: Progress, plan: Plan, before: int, came: int) -> None:
    progress(plan, before + came)


def _fetch(plan: Plan, file: RemoteFile, came: Callable[[int], None]) -> None:
    """Let a file's content grow until it is whole, verify it, and put it where the cache wants it."""
    from huggingface_hub import hf_hub_url  # noqa: PLC0415 - heavy
    from huggingface_hub.file_download import http_get  # noqa: PLC0415 - heavy

    utilities: Any = importlib.import_module("huggingface_hub.utils")
    growing = plan.partial(file)
    with growing.open("ab") as target:
        if target.tell() > file.size:
            target.truncate(0)
        try:
            http_get(
                hf_hub_url(plan.model, file.name, revision=plan.commit),
                target,
                resume_size=target.tell(),
                headers=utilities.build_hf_headers(library_name="duograph"),
                expected_size=file.size,
                tqdm_class=_meter(came),
            )
        except OSError as error:
            # The client's own check of the size; all its other errors are classes of their own.
            if type(error) is not OSError or error.errno is not None:
                raise
            raise PullError(_wrong(plan, file)) from None
    if _digest(growing, file) != file.blob:
        growing.unlink()
        raise PullError(_wrong(plan, file))
    growing.replace(plan.blob(file))


def _wrong(plan: Plan, file: RemoteFile) -> str:
    return f"{file.name} of {quote(plan.model)} is not what the hub promised; run the command again."


def _digest(path: Path, file: RemoteFile) -> str:
    """Hash a file as the hub does: SHA-256 of the content, or git's SHA-1 of a small file."""
    digest = hashlib.sha256() if file.sha256 else hashlib.sha1(usedforsecurity=False)
    if not file.sha256:
        digest.update(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as content:
        while block := content.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _link(plan: Plan) -> None:
    """Let the hub's client make the snapshot of the contents, which are all there."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - heavy

    utilities: Any = importlib.import_module("huggingface_hub.utils")
    with utilities.disable_progress_bars():
        snapshot_download(plan.model, allow_patterns=list(WANTED), library_name="duograph")


def _meter(came: Callable[[int], None]) -> Any:  # noqa: ANN401 - stands in for tqdm
    """Make a class that looks like tqdm to the hub's client and only counts."""
    from huggingface_hub.utils.tqdm import silent_tqdm  # noqa: PLC0415 - heavy

    class Meter(silent_tqdm):
        def __init__(self, *_args: object, initial: int = 0, **_options: object) -> None:
            self._count = initial

        def update(self, n: float | None = 1) -> None:
            self._count += int(n or 0)
            came(self._count)

    return Meter
