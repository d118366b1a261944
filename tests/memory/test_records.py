"""What a record may hold: any text that every database takes, or an error that names the field."""

import pytest
from pydantic import BaseModel, ValidationError

from memory.records import Origin, Query, Record, Selection, mended

FACT = {"kind": "fact", "text": "tea"}
HALF = "half \ud83d of a sign"


@pytest.mark.parametrize(
    ("model", "field", "given"),
    [
        *((Record, name, FACT | {name: HALF}) for name in ("text", "subject", "context", "archive")),
        *((Record, name, FACT | {name: HALF}) for name in ("path", "revision")),
        (Record, "entities.1", FACT | {"entities": ("Rex", HALF)}),
        *((Origin, name, {name: HALF}) for name in ("session", "turn", "source")),
        *((Selection, name, {name: HALF}) for name in ("subject", "session", "archive", "path")),
        (Selection, "ids.0", {"ids": (HALF,)}),
        (Query, "archives.0", {"text": "tea", "archives": (HALF,)}),
        (Query, "vector_model", {"text": "tea", "vector_model": HALF}),
    ],
)
def test_half_of_a_character_is_refused_where_it_stands(
    model: type[BaseModel], field: str, given: dict[str, object]
) -> None:
    with pytest.raises(ValidationError, match="which no database takes") as caught:
        model.model_validate(given)
    assert [".".join(map(str, one["loc"])) for one in caught.value.errors()] == [field]


def test_a_text_is_mended_by_joining_pairs_and_replacing_the_rest() -> None:
    assert mended("\ud83d\ude00 \ud83d tea \ude00") == "😀 � tea �"
    assert mended("NUL \0 and 😀") == "NUL \0 and 😀"
    assert Record(**FACT, subject=mended(HALF)).id == Record(**FACT, subject="half � of a sign").id
