"""What crosses between judge and worker: it comes back as it went, and hostile bytes build nothing else."""

import datetime as dt
import decimal
import fractions
import math
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any, TypeAlias

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sandbox.inside import private
from sandbox.interpreter import INSIDE

NAMES = ["describing", "wire", "standard", "boxes", "writer", "reader", "codec", "channel", "peer"]
LOADED = dict(zip(NAMES, private.load(str(INSIDE), *NAMES), strict=True))
Untyped: TypeAlias = Any  # the modules are loaded as the sandbox loads them, which no type checker sees
codec: Untyped = LOADED["codec"]
Boxes: Untyped = vars(LOADED["boxes"])["Boxes"]
Malformed, CannotCross = codec.Malformed, codec.CannotCross
FEWER = settings(max_examples=50)
"""To make one of these values takes longer than all that is done with it."""

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters()),
    st.binary(),
    st.decimals(),
    st.fractions(),
    st.dates(),
    st.times(timezones=st.just(dt.UTC)),
    st.datetimes(),
    st.timedeltas(),
    st.uuids(),
    st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 3)),
    st.builds(slice, st.none() | st.integers(), st.none() | st.integers()),
    st.sampled_from([..., NotImplemented, int, dict, ValueError, decimal.InvalidOperation, Counter]),
    st.just(PurePosixPath("a/b")),
)
hashables = st.one_of(
    st.integers(), st.text(), st.tuples(st.integers(), st.text()), st.frozensets(st.integers())
)
frozen = st.recursive(scalars, lambda inner: st.lists(inner).map(tuple))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.dictionaries(hashables, inner),
        st.sets(hashables),
        st.frozensets(hashables),
        st.builds(bytearray, st.binary()),
        st.builds(deque, st.lists(inner), st.none() | st.integers(0, 3)),
        st.builds(OrderedDict, st.dictionaries(hashables, inner)),
        st.builds(Counter, st.lists(hashables)),
        st.builds(lambda d: defaultdict(list, d), st.dictionaries(hashables, inner)),
    ),
    max_leaves=20,
)


def alike(left: Untyped, right: Untyped) -> bool:
    """Equal, of the same type all the way down, and nan like nan."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (list, tuple, deque)):
        ends = getattr(left, "maxlen", None) == getattr(right, "maxlen", None)
        return ends and len(left) == len(right) and all(map(alike, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(map(alike, left.values(), right.values()))
    if isinstance(left, (float, complex, decimal.Decimal)):
        return repr(left) == repr(right)
    return bool(left == right)


def sent(value: object, ours: Untyped, theirs: Untyped) -> Untyped:
    writer = codec.Writer(ours)
    writer.put(value)
    reader = codec.Reader(bytes(writer.out), theirs)
    result = codec.decode(reader.get)
    assert reader.left() == 0
    return result


@FEWER
@given(frozen)
def test_plain_data_come_back(value: object) -> None:
    assert alike(codec.loads(codec.dumps(value)), value)


@FEWER
@given(values)
def test_containers_come_back(value: object) -> None:
    assert alike(sent(value, Boxes(0), Boxes(1)), value)


@given(st.lists(st.lists(st.integers())), st.integers(0, 5))
def test_what_was_one_container_stays_one(lists: list[list[int]], number: int) -> None:
    value: list[Any] = [*lists, *lists]
    if lists:
        value.append(value)
        lists[number % len(lists)].append(value)  # type: ignore[arg-type]
    result = sent(value, Boxes(0), Boxes(1))
    for index in range(len(lists)):
        assert result[index] is result[index + len(lists)]
    if lists:
        assert result[-1] is result


@given(st.binary())
@example(b"[\xff\xff\xff\xff\x0f")
@example(b"(" + b"\xff\xff\xff\xff\x07")
@example(b"(\x01" * 5000)
@example(b"v\x0fdecimal.Decimal\xff")
@example(b"v\x09os.system")
@example(b"g\x09os.system")
@example(b"g\x0dbuiltins.exec")
@example(b"g\x17unittest.case.SkipTest.")
@example(b"v\x10pathlib.PosixPathT")
@example(b"@\x00")
@example(b"K\x00")
@example(b"z\x01[\x01\x00")
def test_hostile_bytes_are_refused_or_are_data(data: bytes) -> None:
    for boxes in (None, Boxes(1)):
        reader = codec.Reader(data, boxes)
        try:
            result = codec.decode(reader.get)
        except Malformed:
            continue
        assert is_data(result), result


@FEWER
@given(values, st.integers(0, 10_000), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_makes_other_data(value: object, at: int, byte: int) -> None:
    writer = codec.Writer(Boxes(0))
    writer.put(value)
    data = bytearray(writer.out)
    data[at % len(data)] = byte
    reader = codec.Reader(bytes(data), Boxes(1))
    try:
        result = codec.decode(reader.get)
    except Malformed:
        return
    assert is_data(result), result


DATA = {
    *(int, str, float, bool, bytes, complex, type(None), range, slice, list, dict, set, tuple, frozenset),
    *(bytearray, deque, defaultdict, OrderedDict, Counter, decimal.Decimal, fractions.Fraction, uuid.UUID),
    *(dt.date, dt.time, dt.datetime, dt.timedelta, dt.timezone, type(...), type(NotImplemented)),
}
HOMES = ("pathlib", "ipaddress", "zoneinfo")


def is_data(value: object, depth: int = 0) -> bool:
    """Whether it is made of nothing but the types that may cross."""
    kind = value if isinstance(value, type) else type(value)
    if kind is object or (kind is value and issubclass(kind, BaseException)):
        return kind is value
    if kind not in DATA and not kind.__module__.startswith(HOMES):
        return False
    inner = value if isinstance(value, (list, tuple, set, frozenset, deque, dict)) else ()
    return depth > 9 or all(is_data(each, depth + 1) for each in inner)


class Own:
    """Something that is no data."""


class Whole(int):
    """A subclass of a type of data is none."""


@pytest.mark.parametrize("value", [Own(), Own, Whole(4), len, lambda: 0, SimpleNamespace(), math, object()])
def test_what_is_no_data_does_not_cross(value: object) -> None:
    for each in (value, (value,), frozenset([id, value]) if value is len else (1, (value,))):
        with pytest.raises(CannotCross):
            codec.dumps(each)


def test_data_that_nest_too_deeply_do_not_cross() -> None:
    value: object = 1
    for _ in range(100_000):
        value = (value,)
    with pytest.raises(CannotCross, match="deeper than 150 levels"):
        codec.dumps(value)


def test_a_container_is_forgotten_when_nobody_holds_it() -> None:
    ours, theirs = Boxes(0), Boxes(1)
    kept: list[Untyped] = [[1], {"a": [2]}]
    result = sent(kept, ours, theirs)
    assert theirs.unheld() == ours.unheld() == []
    inner = result[0]
    del result
    number = ours.number(kept[0])
    assert set(theirs.unheld()) == {ours.number(box) for box in (kept, kept[1], kept[1]["a"])}
    assert theirs.get(number) is inner
    theirs.drop(theirs.unheld())
    inner.append(9)
    assert [box for _, box in theirs.changed()] == [[1, 9]]
