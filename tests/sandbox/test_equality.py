"""Whatever value it is compared with: an object that equals everything is found out, an honest one is not."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sandbox.inside import private
from sandbox.interpreter import INSIDE

equality: Any = private.load(str(INSIDE), "probing", "equality")[-1]  # as the sandbox loads it
claims_more, convincing = equality.claims_more, equality.convincing


class Everything:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = object.__hash__


class Modular:
    """Equal to every n-th number."""

    def __init__(self, number: int, modulus: int) -> None:
        self.number, self.modulus = number, modulus

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int | Fraction) and (other - self.number) % self.modulus == 0

    __hash__ = object.__hash__


class Like:
    """Equal to what a value is equal to, and below and above it accordingly."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return bool(self.value == other)

    def __lt__(self, other: float) -> bool:
        return isinstance(self.value, int | float) and self.value < other

    def __gt__(self, other: float) -> bool:
        return isinstance(self.value, int | float) and self.value > other

    def __contains__(self, other: object) -> bool:
        return isinstance(self.value, list) and other in self.value

    def __len__(self) -> int:
        return len(self.value) if isinstance(self.value, list) else 0

    def __iter__(self) -> Iterator[object]:
        return iter(())

    __hash__ = object.__hash__


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.fractions()


VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner) | st.sets(st.integers())
    ),
    max_leaves=5,
)


@given(value=VALUES)
def test_whatever_it_is_compared_with_an_object_equal_to_everything_is_found_out(value: object) -> None:
    assert claims_more(Everything(), value)
    assert claims_more(value, Everything())
    assert claims_more([value, Everything()], [value, value])


@given(value=VALUES, other=VALUES)
def test_an_object_that_equals_what_a_value_equals_never_is(value: object, other: object) -> None:
    like = Like(value)
    for reference in (value, other):
        assert not claims_more(like, reference)
        assert not claims_more([reference], [like])
        assert not equality.claims_membership(reference, like)
        assert not any(equality.claims_order(kind, like, reference) for kind in ("Lt", "Gt"))
        assert convincing(like, reference) is bool(value == reference)


@given(number=st.integers(), modulus=st.integers(2, 40), times=st.integers(-5, 5))
def test_nor_is_one_that_equals_every_nth_number(number: int, modulus: int, times: int) -> None:
    assert not claims_more(Modular(number, modulus), number + times * modulus)
    assert convincing(Modular(number, modulus), number + times * modulus)
