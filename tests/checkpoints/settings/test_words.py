"""What is allowed is said in words, for every kind of setting."""

from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from checkpoints.settings import allowed


def _even(number: int) -> int:
    if number % 2:
        raise ValueError("take an even one.")
    return number


class Kinds(BaseModel):
    tries: int = Field(default=1, ge=1, le=10)
    calls: int | None = Field(default=None, ge=1)
    share: float = Field(default=1, gt=0, lt=1)
    wait_s: float = Field(default=0, ge=0, le=60)
    limit_s: float = Field(default=1, gt=0, le=60)
    least: int = Field(default=0, le=9)
    most_usd: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    plain: float = 0
    loud: bool | None = None
    side: Literal["left", "right"] = "left"
    even: Annotated[int, AfterValidator(_even)] = 0
    tags: list[str] = []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("tries", "many", "write a whole number from 1 to 10"),
        ("tries", 11, "write a whole number from 1 to 10"),
        ("tries", 1.5, "write a whole number from 1 to 10"),
        ("calls", 0, "write a whole number from 1 on"),
        ("share", "x", "write a number above 0 and below 1"),
        ("wait_s", -1, "write a number of seconds from 0 to 60"),
        ("limit_s", 0, "write a number of seconds above 0 and at most 60"),
        ("least", "x", "write a whole number at most 9"),
        ("most_usd", float("inf"), "write a number of US dollars above 0"),
        ("plain", "x", "write a number"),
        ("loud", "perhaps", "write yes or no (true or false)"),
        ("side", "up", "choose one of left, right"),
        ("even", 1, "take an even one"),
        ("tags", ["a", 3], "Input should be a valid string"),
    ],
)
def test_each_kind(name: str, value: object, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Kinds.model_validate({name: value})
    assert allowed(caught.value.errors()[0], Kinds.model_fields) == words
