"""The weights as a file: a line that describes them, then small numbers, compressed, and no code."""

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

FILE: Final = Path(__file__).with_name("weights.bin")
FORMAT: Final = "duograph-routing-1"
ZERO: Final = 128
"""The byte that stands for a weight of nought."""

MAX_BYTES: Final = 4_000_000
"""More is no file of ours, compressed or not."""

Made = TypeVar("Made")


class WeightsError(ValueError):
    """The file of weights is damaged or of another version; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Head:
    """One decision's weights.

    Attributes:
        names: What it decides between.
        columns: For each name a byte per place, 128 for nought.
        scale: What one step of a byte is worth.
        temperature: What scores are divided by, so that confidence is how often it is right.
        thresholds: For each name the least confidence at which it is right nine times in ten.
    """

    names: tuple[str, ...]
    columns: tuple[bytes, ...]
    scale: float
    temperature: float
    thresholds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Weights:
    """What a classifier has learned.

    Attributes:
        gains: How much features of words, of parts of words and of shape count.
        label: What is wanted.
        subject: What an explanation is about.
    """

    gains: tuple[float, float, float]
    label: Head
    subject: Head


def save(weights: Weights, path: Path) -> None:
    """Write a file of weights.

    Args:
        weights: What to write.
        path: Where.
    """
    write(path, {"format": FORMAT, "gains": weights.gains}, (weights.label, weights.subject))


def write(path: Path, about: dict[str, object], heads: Sequence[Head]) -> None:
    """Write heads, and what is to be said about them.

    Args:
        path: Where.
        about: Its `format`, and more.
        heads: In the order in which they are read.
    """
    body = b"".join(column for head in heads for column in head.columns)
    line = {"format": about["format"], "sha256": hashlib.sha256(body).hexdigest()} | about
    line["heads"] = [_about(head) for head in heads]
    path.write_bytes(json.dumps(line).encode() + b"\n" + zlib.compress(body, 9))


def checksum(weights: Weights) -> str:
    """The SHA-256 of all that was learned, as the file has it.

    Args:
        weights: What was learned.
    """
    body = b"".join((*weights.label.columns, *weights.subject.columns))
    return hashlib.sha256(body).hexdigest()


def _about(head: Head) -> dict[str, object]:
    return {
        "names": head.names,
        "places": len(head.columns[0]),
        "scale": head.scale,
        "temperature": head.temperature,
        "thresholds": head.thresholds,
    }


def load(path: Path = FILE) -> Weights:
    """Read a file of weights; some five milliseconds.

    Args:
        path: The file; the one that ships by default.

    Raises:
        WeightsError: The file is missing, damaged, or of another version.
    """

    def made(about: Mapping[str, Any], label: Head, subject: Head) -> Weights:
        one, two, three = about["gains"]
        return Weights((one, two, three), label, subject)

    return read(path, FORMAT, made)


def read(path: Path, form: str, made: Callable[[Mapping[str, Any], Head, Head], Made]) -> Made:
    """Read a file of two heads, those of the label and of the subject.

    Args:
        path: The file.
        form: The format that it must have.
        made: Makes what is wanted of the description and the heads.

    Raises:
        WeightsError: The file is missing, damaged, or of another version.
    """
    try:
        line, packed = path.read_bytes().split(b"\n", 1)
        about = json.loads(line)
        if about["format"] != form:
            raise WeightsError(
                f"The weights in {path} have format {about['format']!r} and {form!r} is needed: reinstall."
            )
        body = zlib.decompressobj().decompress(packed, MAX_BYTES)
        if hashlib.sha256(body).hexdigest() != about["sha256"]:
            raise WeightsError(f"The weights in {path} do not match their checksum: reinstall.")
        label, subject = about["heads"]
        first = len(label["names"]) * label["places"]
        return made(about, _head(label, body[:first]), _head(subject, body[first:]))
    except (OSError, ValueError, KeyError, TypeError, zlib.error) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(
            f"The weights in {path} cannot be read ({type(error).__name__}): reinstall."
        ) from None


def _head(about: dict[str, object], body: bytes) -> Head:
    names, places, thresholds = about["names"], about["places"], about["thresholds"]
    scale, temperature = about["scale"], about["temperature"]
    if (
        not isinstance(names, Sequence)
        or not isinstance(thresholds, Sequence)
        or not isinstance(places, int)
        or not isinstance(scale, float)
        or not isinstance(temperature, float)
        or len(body) != len(names) * places
    ):
        raise ValueError("a head's description does not fit its numbers")
    columns = tuple(body[at : at + places] for at in range(0, len(body), places))
    return Head(tuple(map(str, names)), columns, scale, temperature, tuple(map(float, thresholds)))
