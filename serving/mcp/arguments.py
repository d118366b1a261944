"""What MCP clients may call the tools with; the models are the input schemas that they are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

from pydantic import BeforeValidator, Field, WrapValidator
from pydantic_core import PydanticCustomError

from nodes import Task
from toolkit.protocol import Arguments

MAX_FILES = 500
MAX_HITS = 50
MAX_SESSIONS = 200

T = TypeVar("T")


def _no_truth(value: object) -> object:
    """Refuse what Python counts as 1 or 0, and what says nothing about how many."""
    if isinstance(value, bool):
        raise PydanticCustomError("number", "give a number, not true or false")
    return value


Whole = Annotated[int, BeforeValidator(_no_truth)]
Amount = Annotated[float, BeforeValidator(_no_truth)]


def _unless_none(value: object, check: Callable[[object], object]) -> object:
    return None if value is None else check(value)


# Models write null for what they leave out. It is taken, yet neither schemas nor complaints speak of it.
if TYPE_CHECKING:
    Optional: TypeAlias = T | None
else:
    Optional = Annotated[T, WrapValidator(_unless_none)]


class File(Arguments):
    """A file that is given."""

    path: str = Field(description="Relative POSIX path, such as solution.py or shop/cart.py.")
    content: str = Field(description="The whole text of the file.")


Files = Annotated[list[File], Field(max_length=MAX_FILES)]


Count = Annotated[Whole, Field(ge=1)]


class Limits(Arguments):
    """Limits of one turn; they can only be tighter than those of the server."""

    max_repairs: Optional[Annotated[Whole, Field(ge=0)]] = Field(None, description="Repairs of failing code.")
    max_model_calls: Optional[Annotated[Whole, Field(ge=1, le=10_000)]] = Field(
        None, description="Calls of models, failed ones too."
    )
    max_input_tokens: Optional[Count] = Field(None, description="Tokens sent to models.")
    max_output_tokens: Optional[Count] = Field(None, description="Tokens received from models.")
    max_cost_usd: Optional[Annotated[Amount, Field(ge=0, allow_inf_nan=False)]] = Field(
        None, description="US dollars, where prices are known."
    )
    turn_timeout_s: Optional[Annotated[Amount, Field(gt=0, allow_inf_nan=False)]] = Field(
        None, description="Seconds for the whole turn."
    )


class Ask(Arguments):
    """Arguments of `ask`."""

    question: str = Field(min_length=1, description="What is wanted, in words.")
    tests: Optional[str] = Field(
        None,
        description="Python source of tests that the solution must pass; it sees the solution's names, and "
        "outranks all other tests.",
    )
    files: Optional[Files] = Field(
        None,
        description="Files that the question is about: to review, change or explain. One named *.diff is put "
        "onto the others.",
    )
    session: Optional[str] = Field(
        None, description="The session to go on with, as an earlier result named it; a new one if left out."
    )
    task: Optional[Task] = Field(None, description="The kind of task; decided from the question if left out.")
    limits: Optional[Limits] = Field(None, description="Tighter limits for this turn.")


class Verify(Arguments):
    """Arguments of `verify`."""

    files: Files = Field(
        min_length=1, description="The solution: Python files. One alone is best solution.py."
    )
    tests: Optional[str] = Field(
        None, description="Python source of tests that it must pass: assertions or test functions."
    )
    types: bool = Field(default=False, description="Whether the type checker (mypy) must pass too.")


class MemorySearch(Arguments):
    """Arguments of `memory_search`."""

    query: str = Field(min_length=1, max_length=20_000, description="What to look for, in your words.")
    limit: Whole = Field(default=10, ge=1, le=MAX_HITS, description="How many records at most.")


class SessionsAsked(Arguments):
    """Arguments of `sessions`."""

    session: Optional[str] = Field(
        None,
        description="The session to show: its id, or the first four or more characters. Left out, they are "
        "listed.",
    )
    limit: Whole = Field(
        default=20,
        ge=1,
        le=MAX_SESSIONS,
        description="How many sessions are listed, or newest messages shown.",
    )


def schema_of(arguments: type[Arguments]) -> dict[str, Any]:
    """Give the input schema of a tool, without references, which many clients cannot follow."""
    from langchain_core.utils.json_schema import dereference_refs  # noqa: PLC0415  # loaded by now

    described = arguments.model_json_schema()
    schema = dereference_refs(described) if "$defs" in described else described
    return _lean({name: value for name, value in schema.items() if name not in ("$defs", "description")})


def _lean(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without titles, which say nothing, and without null as a default, which is not of the type."""
    kept = {
        name: value
        for name, value in schema.items()
        if name != "title" and (name != "default" or value is not None)
    }
    if "properties" in kept:
        kept["properties"] = {name: _lean(inner) for name, inner in kept["properties"].items()}
    if "items" in kept:
        kept["items"] = _lean(kept["items"])
    return kept
