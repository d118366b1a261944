"""A raw JSON schema as the arguments of a tool: made harmless once, then shown to models and checked against.

What is checked here keeps a model's slips from a server. A server checks for itself what it needs, so
patterns, which could keep Python busy for ever, are shown and not run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from pydantic import ConfigDict, RootModel, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from toolkit.mcp.plain import has_hidden, plain

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_MAX_DEPTH: Final = 24
_MAX_ERRORS: Final = 10
_MAX_WORDS: Final = 300
_WORDS: Final = frozenset({"description", "title", "$comment"})
_NAMED: Final = frozenset({"properties", "dependentSchemas", "patternProperties"})
_LITERAL: Final = frozenset({"const", "default", "enum", "examples", "required", "dependentRequired"})
_DROPPED: Final = frozenset(
    {"$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef", "$recursiveAnchor"}
    | {"$vocabulary", "$defs", "definitions", "$comment"}
)


class SchemaError(ValueError):
    """A schema cannot be used; the message says why, as the end of a sentence."""


def harmless(raw: Mapping[str, Any], max_chars: int) -> dict[str, Any]:
    """Make a schema of arguments that holds no reference, no hidden text, and no more than so much.

    Args:
        raw: As the server sent it.
        max_chars: The longest result, as JSON, and the most that references may unfold to.

    Raises:
        SchemaError: When it is too large, or no schema of an object.
    """
    if len(json.dumps(raw, ensure_ascii=False)) > max_chars:
        raise SchemaError(f"its arguments take more than {max_chars} characters to describe")
    schema = _Walk(raw, max_chars).schema(raw, 0, ())
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        raise SchemaError("its arguments are no object")
    schema = {"type": "object", "properties": {}} | schema
    for word in ("title", "description"):
        schema.pop(word, None)
    if len(json.dumps(schema, ensure_ascii=False)) > max_chars:
        raise SchemaError(f"its arguments take more than {max_chars} characters to describe")
    try:
        _checker().check_schema(schema)
    except Exception as error:
        raise SchemaError("its arguments are described by what is no JSON schema") from error
    return schema


class _Walk:
    """Copies a schema: references in it replaced by what they name, up to a size."""

    def __init__(self, root: Mapping[str, Any], most: int) -> None:
        self._root = root
        self._left = most

    def schema(self, value: Any, depth: int, inside: tuple[str, ...]) -> Any:  # noqa: ANN401  # any JSON
        self._left -= 1
        if self._left < 0:
            raise SchemaError("its arguments unfold to more than can be described")
        if depth > _MAX_DEPTH:
            return {}
        if isinstance(value, list):
            return [self.schema(one, depth + 1, inside) for one in value]
        if not isinstance(value, dict):
            return plain(value, 2 * _MAX_WORDS) if isinstance(value, str) else value
        if isinstance(reference := value.get("$ref"), str):
            meant = self._meant(reference, inside)
            beside = {key: one for key, one in value.items() if key != "$ref"}
            value, inside = {**meant, **beside}, (*inside, reference)
            return self.schema(value, depth + 1, inside)
        return {
            key: self._keyword(key, one, depth, inside)
            for key, one in value.items()
            if key not in _DROPPED and key != "$ref"
        }

    def _keyword(self, key: str, value: Any, depth: int, inside: tuple[str, ...]) -> Any:  # noqa: ANN401  # any JSON
        if key in _WORDS and isinstance(value, str):
            return plain(value, _MAX_WORDS)
        if key in _NAMED and isinstance(value, dict):
            return {_name(name): self.schema(one, depth + 1, inside) for name, one in value.items()}
        if key in _LITERAL:
            return self._literal(value, depth)
        return self.schema(value, depth + 1, inside)

    def _literal(self, value: Any, depth: int) -> Any:  # noqa: ANN401  # any JSON
        """A value and no schema: copied as it is, but for what cannot be seen."""
        if depth > _MAX_DEPTH:
            raise SchemaError("its arguments are nested too deeply")
        if isinstance(value, list):
            return [self._literal(one, depth + 1) for one in value]
        if isinstance(value, dict):
            return {_name(name): self._literal(one, depth + 1) for name, one in value.items()}
        return _name(value) if isinstance(value, str) else value

    def _meant(self, reference: str, inside: tuple[str, ...]) -> Mapping[str, Any]:
        """What a reference within the schema names; nothing is fetched, and nothing holds itself."""
        if not reference.startswith("#") or reference in inside:
            return {}
        found: Any = self._root
        for part in reference[1:].split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}


def _name(text: str) -> str:
    """A name or a value as it was, unless something in it is not seen."""
    if has_hidden(text):
        raise SchemaError("its arguments have names or values that cannot be shown")
    return text


@lru_cache(maxsize=1)
def _checker() -> type[Validator]:
    """Draft 2020-12, but for patterns."""
    from jsonschema.validators import Draft202012Validator, extend  # noqa: PLC0415 - heavy

    def leave(*_: object) -> None:
        return None

    closed = Draft202012Validator.VALIDATORS["additionalProperties"]

    def additional(checker: Any, allowed: Any, instance: Any, schema: Any) -> Any:  # noqa: ANN401  # its own
        if "patternProperties" not in schema:
            yield from closed(checker, allowed, instance, schema)

    unused = dict.fromkeys(
        ("pattern", "patternProperties", "unevaluatedProperties", "unevaluatedItems"), leave
    )
    extended: type[Validator] = extend(
        Draft202012Validator, {**unused, "additionalProperties": additional, "format": leave}
    )
    return extended


class RawArguments(RootModel[dict[str, Any]]):
    """Arguments that a raw JSON schema describes; `arguments_of` makes the class for one."""

    model_config = ConfigDict(frozen=True)
    raw: ClassVar[Mapping[str, Any]] = {"type": "object", "properties": {}}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        found = _checker()(dict(self.raw)).iter_errors(self.root)
        wrong: list[InitErrorDetails] = []
        for error in found:
            why = PydanticCustomError("json_schema", "{why}", {"why": plain(error.message, _MAX_WORDS)})
            wrong.append({"type": why, "loc": tuple(error.absolute_path), "input": None})
            if len(wrong) == _MAX_ERRORS:
                break
        if wrong:
            raise ValidationError.from_exception_data(type(self).__name__, wrong)
        return self

    @classmethod
    def model_json_schema(
        cls,
        *_: Any,  # noqa: ANN401  # pydantic's signature
        **__: Any,  # noqa: ANN401  # the same
    ) -> dict[str, Any]:
        """Give the schema itself, a copy."""
        copy: dict[str, Any] = json.loads(json.dumps(cls.raw))
        return copy


def arguments_of(schema: Mapping[str, Any]) -> type[RawArguments]:
    """Make the class of arguments for a schema that `harmless` gave."""
    return type(
        "McpArguments", (RawArguments,), {"raw": schema, "__module__": __name__, "__annotations__": {}}
    )
