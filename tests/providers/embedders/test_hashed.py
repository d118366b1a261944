"""The embedder that needs nothing: unit vectors, near where words are shared, the same for ever."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.embedders.hashed import OFFLINE_DIMENSIONS, hashed


@given(st.text())
def test_a_hashed_vector_is_of_unit_length_and_always_the_same(text: str) -> None:
    vector = hashed(text)
    assert len(vector) == OFFLINE_DIMENSIONS
    length = math.fsum(number * number for number in vector)
    assert length == pytest.approx(1) or not any(vector)
    assert vector == hashed(text)


def test_hashed_vectors_are_near_where_words_are_shared() -> None:
    def near(one: str, other: str) -> float:
        return sum(a * b for a, b in zip(hashed(one), hashed(other), strict=True))

    assert near("validate an email address", "validates email addresses") > 0.4
    assert near("validate an email address", "sort a list of numbers") < 0.3


def test_hashed_vectors_stay_comparable_with_those_that_were_stored() -> None:
    places = {place: round(number, 3) for place, number in enumerate(hashed("abc")) if number}
    assert places == {37: -0.266, 186: -0.266, 216: 0.887, 230: 0.266}
