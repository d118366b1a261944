"""What a session in a file of unknown origin must hold before any of it is stored."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

from langgraph.types import Interrupt, Send
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from checkpoints.protocol import SessionFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_VERSION = re.compile(r"0\d{31}(?:\.[0-9.e-]{1,40})?")
_QUESTION = re.compile(r"[0-9a-f]{32}")
_TASK = re.compile(r"[0-9A-Za-z:-]{1,64}")
_NEWEST_FORM: Final = 99  # LangGraph writes 4 today
_MOST_STEPS: Final = 2**31 - 1
_LONGEST_NAME: Final = 200
_SHOWN: Final = 80
_START, _SENDS, _INTERRUPT = "__start__", "__pregel_tasks", "__interrupt__"


def _name(text: str) -> str:
    if not text or len(text) > _LONGEST_NAME or "\0" in text:
        raise ValueError(f"a name has 1 to {_LONGEST_NAME} characters, none of them NUL")
    return text


def _version(text: str) -> str:
    if not _VERSION.fullmatch(text):
        raise ValueError("a version is a number of 32 digits and a fraction")
    return text


def _id(text: str) -> str:
    if str(uuid.UUID(text)) != text:
        raise ValueError("an id is a UUID in small letters with dashes")
    return text


def _moment(text: str) -> str:
    try:
        datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError:
        raise ValueError("no such moment can be told in UTC") from None
    return text


Name = Annotated[str, AfterValidator(_name)]
Version = Annotated[str, AfterValidator(_version)]


class SoundCheckpoint(BaseModel):
    """The parts of a checkpoint, each as LangGraph and our savers need it; others are left out."""

    model_config = ConfigDict(strict=True)

    v: int = Field(ge=1, le=_NEWEST_FORM)
    id: Annotated[str, AfterValidator(_id)]
    ts: Annotated[str, AfterValidator(_moment)]
    channel_values: dict[Name, Any]
    channel_versions: dict[Name, Version]
    versions_seen: dict[Name, dict[Name, Version]]
    updated_channels: list[Name] | None = None


class SoundMetadata(BaseModel):
    """What a session needs of its metadata; names of runs, users and servers elsewhere are left out."""

    model_config = ConfigDict(strict=True)

    source: Literal["input", "loop", "update", "fork"]
    step: int = Field(ge=-2, le=_MOST_STEPS)
    parents: dict[Name, str] = {}
    forked_from: Annotated[str, Field(max_length=400, pattern=r"^[^\x00]*$")] | None = None
    counters_since_delta_snapshot: dict[Name, tuple[int, ...] | list[int]] | None = None


def sound_checkpoint(found: object, state: type | None) -> dict[str, Any]:
    """Give the parts of a checkpoint that are known, when all of them are good.

    Args:
        found: What the file holds.
        state: The type of the graph's state; its channels' values must fit it. None for any graph.

    Raises:
        SessionFileError: When one of them is not; the message names the field.
    """
    parts = _checked(SoundCheckpoint, found, "checkpoint")
    _check_versions(parts)
    fit = _Fit(state)
    for channel, value in parts["channel_values"].items():
        fit.check(channel, value, f"checkpoint.channel_values.{channel}")
    # It only spares LangGraph a look at all channels, and where it is wrong no node would be started.
    parts["updated_channels"] = None
    return parts


def sound_metadata(found: object) -> dict[str, Any]:
    """Give the metadata that a session needs; see `sound_checkpoint`."""
    return _checked(SoundMetadata, found, "metadata")


def check_writes(writes: Iterable[tuple[str, str, Any]], state: type | None) -> None:
    """Make sure that what tasks wrote is what tasks can write; see `sound_checkpoint`."""
    fit = _Fit(state)
    for at, (task, channel, value) in enumerate(writes):
        if not _TASK.fullmatch(task):
            raise wrong(f"writes.{at}.task_id", "a task's id has letters, digits and dashes only")
        if not channel or len(channel) > _LONGEST_NAME or "\0" in channel:
            raise wrong(
                f"writes.{at}.channel", f"a name has 1 to {_LONGEST_NAME} characters, none of them NUL"
            )
        if channel == _INTERRUPT:
            _check_interrupts(value, f"writes.{at}.value")
        else:
            fit.check(channel, value, f"writes.{at}.value", is_write=True)


def wrong(field: str, problem: str) -> SessionFileError:
    """Say which field of a file is wrong."""
    shown = "".join(sign if sign.isprintable() else "�" for sign in field[:_SHOWN])
    shown = shown if len(field) <= _SHOWN else f"{shown}…"
    return SessionFileError(
        f"The field {shown} of the file is wrong ({problem}): export the session once more."
    )


class _Fit:
    """Tells whether values fit the channels of a graph."""

    def __init__(self, state: type | None) -> None:
        self._types = get_type_hints(state, include_extras=True) if state else None

    def check(self, channel: str, value: object, field: str, *, is_write: bool = False) -> None:
        """Make sure that a value fits its channel.

        Raises:
            SessionFileError: When it does not.
        """
        try:
            _revalidate(value)
            if self._types is None:
                return
            if channel in self._types:
                TypeAdapter(
                    _of_write(self._types[channel]) if is_write else self._types[channel]
                ).validate_python(value, strict=True)
        except ValidationError as error:
            raise wrong(field, error.errors(include_input=False, include_url=False)[0]["msg"]) from None
        except Exception as error:  # noqa: BLE001  # whatever a model does with values of unknown origin
            raise wrong(field, type(error).__name__) from None
        if channel == _START:
            self._check_input(value, field)
        elif channel == _SENDS:
            for sent in value if isinstance(value, list) and not is_write else [value]:
                if not isinstance(sent, Send):
                    raise wrong(field, "only tasks can be sent")
                self._check_input(sent.arg, field)

    def _check_input(self, values: object, field: str) -> None:
        """What goes into a node is written to channels, or read in their place."""
        if not isinstance(values, dict):
            raise wrong(field, "a node's input is a mapping")
        for name, value in values.items():
            self.check(str(name), value, f"{field}.{name}", is_write=True)


def _check_versions(parts: Mapping[str, Any]) -> None:
    """Every value has a version, and no node has seen a later one: it would never run again."""
    versions: Mapping[str, str] = parts["channel_versions"]
    for channel in parts["channel_values"]:
        if channel not in versions:
            raise wrong(f"checkpoint.channel_versions.{channel}", "it is missing")
    newest = max(versions.values(), default="")
    for node, seen in parts["versions_seen"].items():
        for channel, version in seen.items():
            if version > newest:
                raise wrong(f"checkpoint.versions_seen.{node}.{channel}", "no channel has come so far")


def _check_interrupts(value: object, field: str) -> None:
    found = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(one, Interrupt) and _QUESTION.fullmatch(str(one.id)) for one in found):
        raise wrong(field, "only interrupts can wait")
    _revalidate([getattr(one, "value", None) for one in found])


def _of_write(hint: Any) -> Any:  # noqa: ANN401  # a type
    """What may be written to a channel: its value, or one item of a list that is added to."""
    plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    return hint | get_args(plain)[0] if get_origin(plain) is list else hint


def _revalidate(value: object) -> None:
    """Validate each model once more: one that did not fit was rebuilt without any validation.

    Raises:
        ValueError: When one does not fit.
    """
    if isinstance(value, BaseModel):
        type(value).model_validate(dict(value.__dict__))
        inner: Iterable[Any] = value.__dict__.values()
    elif isinstance(value, dict):
        inner = [*value.keys(), *value.values()]
    else:
        inner = value if isinstance(value, list | tuple | set | frozenset) else ()
    for one in inner:
        _revalidate(one)


def _checked(kind: type[BaseModel], found: object, field: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise SessionFileError(f"The file holds no {field}: export the session once more.")
    try:
        model = kind.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        told = first["msg"].removeprefix("Value error, ")
        raise wrong(".".join([field, *map(str, first["loc"])]), told) from None
    parts: Mapping[str, Any] = model.__dict__
    return {name: value for name, value in parts.items() if value is not None}
