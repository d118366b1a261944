"""No word is ever read as syntax, and a query names the shelves of one namespace alone."""

import re

from hypothesis import given
from hypothesis import strategies as st

from memory.neo4j.words import MOST_WORDS, escaped, keys, lucene, token
from memory.records import Query, Record
from tests.memory.making import chunk, fact

_TEXT = st.text(max_size=30)


@given(_TEXT, _TEXT)
def test_namespaces_have_no_key_in_common(one: str, other: str) -> None:
    record = fact("tea")
    assert (keys(one, record, holds=True) == keys(other, record, holds=True)) == (one == other)
    assert re.fullmatch("[a-z0-9]+", keys(one, record, holds=True))


def test_what_holds_no_more_and_other_archives_are_on_other_shelves() -> None:
    fact_, old = keys("anna", fact("tea"), holds=True), keys("anna", fact("tea"), holds=False)
    insight = keys("anna", Record(kind="insight", text="tea"), holds=True)
    docs, more = (keys("anna", chunk("tea", "a", archive=name), holds=True) for name in ("docs", "more"))
    assert len({fact_, old, insight, docs, more}) == 5
    asked = lucene("anna", Query(text="tea", kinds=("fact", "chunk"), archives=("docs",)), {"tea": 1.0})
    assert asked == f"+keys:({fact_} {docs})^0 +(main:tea^1.000 around:tea^0.500)"


@given(st.text(min_size=1, max_size=20))
def test_every_sign_of_the_syntax_is_escaped(word: str) -> None:
    text = escaped(word)
    assert re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL) == word
    bare = re.sub(r"\\.", "", text, flags=re.DOTALL)
    assert not re.search(r'[-+&|!(){}\[\]^"~*?:\\/]', bare)
    assert text not in ("AND", "OR", "NOT", "TO")


def test_a_long_request_is_looked_up_by_what_tells_most() -> None:
    words = {f"faint{number}": 0.4 for number in range(MOST_WORDS)} | {"needle": 1.0}
    asked = lucene("anna", Query(text="-"), words)
    assert asked.count("main:") == MOST_WORDS
    assert "main:needle^1.000" in asked
    assert token("s", "anna", "fact") in asked
