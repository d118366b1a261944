"""Asks the Hugging Face hub what a model consists of, and refuses what is no MLX model."""

from __future__ import annotations

import importlib.util
import re
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from providers.mlx.files import INSTALL
from providers.protocol import ModelConfigError
from providers.scrub import one_line, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

# What mlx-lm loads; without *.py, because code that comes with a model is never run.
WANTED = (
    *("*.json", "*.jsonl", "*.txt", "*.jinja", "model*.safetensors"),
    *("tokenizer.model", "tiktoken.model", "*.tiktoken"),
)
"""Patterns of the files that belong to a model."""

_TIMEOUT_S = 30.0
_HASH = {False: re.compile(r"[0-9a-f]{40}"), True: re.compile(r"[0-9a-f]{64}")}


class PullError(ModelConfigError):
    """A model cannot be pulled; the message says why, and what to do."""


class NoSpaceError(PullError):
    """The disk is too full for a model."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a model on the hub.

    Attributes:
        name: Its path in the repository.
        size: In bytes.
        blob: What the hub's cache calls its content: its SHA-256, or git's hash of a small file.
        sha256: Whether `blob` is a SHA-256.
    """

    name: str
    size: int
    blob: str
    sha256: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What pulling a model means.

    Attributes:
        model: Its hub id.
        commit: The version on the hub now.
        folder: Its place in the hub's cache.
        files: All that belongs to it.
    """

    model: str
    commit: str
    folder: Path
    files: tuple[RemoteFile, ...]

    @property
    def total_bytes(self) -> int:
        """The size of all files."""
        return sum(file.size for file in self.files)

    def blob(self, file: RemoteFile) -> Path:
        """Where the cache keeps a file's content."""
        return self.folder / "blobs" / file.blob

    def partial(self, file: RemoteFile) -> Path:
        """Where a file's content grows; the hub's own downloader would begin anew each time."""
        return self.folder / "blobs" / f"{file.blob}.duograph.incomplete"

    def missing_bytes(self) -> int:
        """What is still to come."""
        return sum(file.size - present_bytes(self, file) for file in self.files)


def present_bytes(plan: Plan, file: RemoteFile) -> int:
    """Count what is there of a file already."""
    if plan.blob(file).exists():
        return file.size
    partial = plan.partial(file)
    return min(partial.stat().st_size, file.size) if partial.exists() else 0


def make_plan(model: str) -> Plan:
    """Ask the hub what a model consists of.

    Args:
        model: A hub id, such as `mlx-community/Qwen3-0.6B-4bit`; `mlx:` in front of it does no harm.

    Returns:
        What to fetch.

    Raises:
        PullError: When the hub cannot be asked, or has no such MLX model.
    """
    model = model.removeprefix("mlx:").strip()
    if importlib.util.find_spec("huggingface_hub") is None:
        raise PullError(f"Pulling {quote(model)} needs mlx-lm and its hub client; run: {INSTALL}")
    from huggingface_hub import HfApi, constants  # noqa: PLC0415 - heavy
    from huggingface_hub.file_download import repo_folder_name  # noqa: PLC0415 - heavy

    with hub_errors(model):
        info = HfApi(library_name="duograph").model_info(model, files_metadata=True, timeout=_TIMEOUT_S)
    _require_mlx_model(model, info)
    folder = Path(constants.HF_HUB_CACHE).expanduser() / repo_folder_name(repo_id=model, repo_type="model")
    files = tuple(_remote(model, file) for file in info.siblings or () if _is_wanted(file.rfilename))
    return Plan(model, str(info.sha), folder, files)


@contextmanager
def hub_errors(model: str) -> Iterator[None]:
    """Turn what the hub's client raises into a sentence.

    Raises:
        PullError: Instead.
    """
    from huggingface_hub import errors  # noqa: PLC0415 - heavy

    sentence: str
    try:
        yield
    except errors.HFValidationError:
        sentence = f"{quote(model)} is no hub id; write it like mlx-community/Qwen3-0.6B-4bit."
    except errors.GatedRepoError:
        sentence = (
            f"The hub gives {quote(model)} only to those who accepted its terms; accept them on its page, "
            "then set HF_TOKEN."
        )
    except errors.RepositoryNotFoundError:
        sentence = f"The hub has no model {quote(model)}, or it is private; check the name, or set HF_TOKEN."
    except errors.HfHubHTTPError as error:
        sentence = f"The hub answered {error.response.status_code} for {quote(model)}; try again later."
    except errors.OfflineModeIsEnabled:
        sentence = f"HF_HUB_OFFLINE is set, so {quote(model)} cannot be pulled; unset it."
    except Exception as error:
        if not _is_connection(error):
            raise
        sentence = (
            f"The hub cannot be reached for {quote(model)} ({one_line(str(error))}); run the command again."
        )
    else:
        return
    # Raised outside the handler: the original may hold the request with its token.
    raise PullError(sentence)


def _is_connection(error: Exception) -> bool:
    """Tell connection errors by their names: the hub's client has changed its own client before."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"TransportError", "ConnectionError", "TimeoutException"})


def _require_mlx_model(model: str, info: Any) -> None:  # noqa: ANN401 - the client's own class
    names = {file.rfilename for file in info.siblings or ()}
    if "mlx" not in (info.tags or ()) and info.library_name != "mlx":
        raise PullError(
            f"{quote(model)} is no MLX model; look for it below mlx-community, or convert it: "
            f"mlx_lm.convert --hf-path {model}"
        )
    if "config.json" not in names or not any(fnmatch(name, "model*.safetensors") for name in names):
        raise PullError(
            f"{quote(model)} lacks config.json or model*.safetensors, so it cannot be loaded; choose another."
        )


def _is_wanted(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in WANTED)


def _remote(model: str, file: Any) -> RemoteFile:  # noqa: ANN401 - the client's own class
    """Read what the hub says of a file; its hash becomes a file name, so nothing else will do."""
    if file.lfs is not None:
        remote = RemoteFile(file.rfilename, int(file.lfs.size), str(file.lfs.sha256), sha256=True)
    else:
        remote = RemoteFile(file.rfilename, int(file.size or 0), str(file.blob_id), sha256=False)
    path = PurePosixPath(remote.name)
    if path.is_absolute() or ".." in path.parts or "\\" in remote.name or not remote.name.isprintable():
        raise PullError(
            f"The hub names {quote(remote.name)} a file of {quote(model)}, "
            "which would lie outside its folder; choose another model."
        )
    if not _HASH[remote.sha256].fullmatch(remote.blob):
        raise PullError(
            f"The hub gives no hash for {quote(file.rfilename)} of {quote(model)}; choose another."
        )
    return remote
