"""Reading a file of tensors in the safetensors format: a header in JSON, then numbers and nothing else."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_PREFIX: Final = 8
"""Bytes that say how long the header is."""

_LONGEST_HEADER: Final = 100_000_000
"""The format's own limit, in bytes."""

_KINDS: Final = {"F32": ("<f4", 4), "F16": ("<f2", 2)}


class ModelFolderError(ValueError):
    """A folder holds no model that can be used; the message says what is wrong and what to do."""


def read_tensors(path: Path) -> tuple[dict[str, Floats], str]:
    """The tensors of floating-point numbers in a file, by name, and the SHA-256 of the file.

    Args:
        path: The file. It is read whole: one that is mapped and then cut by somebody would end this process.

    Raises:
        ModelFolderError: It cannot be read, is cut off, or no such file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelFolderError(
            f"The file {path} cannot be read ({error.strerror}): mend its rights."
        ) from None
    header, begin = _header(path, data)
    body = memoryview(data)[begin:]
    found = {
        name: tensor
        for name, about in header.items()
        if name != "__metadata__" and (tensor := _tensor(path, body, name, about)) is not None
    }
    return found, hashlib.sha256(data).hexdigest()


def _header(path: Path, data: bytes) -> tuple[dict[str, Any], int]:
    """The header, and where the numbers begin."""
    broken = ModelFolderError(f"The file {path} is no safetensors file, or cut off: download the model anew.")
    if len(data) < _PREFIX:
        raise broken
    (length,) = struct.unpack("<Q", data[:_PREFIX])
    if length > min(_LONGEST_HEADER, len(data) - _PREFIX):
        raise broken
    try:
        header = json.loads(data[_PREFIX : _PREFIX + length])
    except ValueError:
        raise broken from None
    if not isinstance(header, dict):
        raise broken
    return header, _PREFIX + length


def _tensor(path: Path, body: memoryview, name: str, about: Mapping[str, Any]) -> Floats | None:
    """One tensor; None for numbers of another kind."""
    import numpy as np  # noqa: PLC0415  # an extra

    try:
        if about["dtype"] not in _KINDS:
            return None
        kind, size = _KINDS[about["dtype"]]
        shape = [int(side) for side in about["shape"]]
        start, end = about["data_offsets"]
        if not 0 <= start <= end <= len(body) or end - start != math.prod(shape) * size:
            raise ModelFolderError(
                f"The file {path} is cut off: {name} ends at byte {end} and there are {len(body)}; "
                "download the model anew."
            )
        found = np.frombuffer(body[start:end], dtype=kind).reshape(shape)
        return np.require(found, np.float32, ["ALIGNED"])  # what is not aligned would be copied at every use
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ModelFolderError):
            raise
        raise ModelFolderError(
            f"The file {path} describes {name} wrongly ({error!r}): download the model anew."
        ) from None
