"""What a statement says, before any server is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.neo4j import cypher
from toolkit.protocol import ToolError

_SPACE = st.sampled_from([" ", "\t", "\n", "/* x */", "// MATCH (n)\n", "/**/ /*'*/", '/* " */'])
_BEFORE = st.sampled_from(
    ["MATCH (n)", "WITH 'a' AS a", 'UNWIND ["//"] AS a', "WITH `/*` AS a", "RETURN '\\''"]
)


def _cased(words: str) -> st.SearchStrategy[str]:
    return st.tuples(*(st.sampled_from([one.lower(), one.upper()]) for one in words)).map("".join)


@given(_BEFORE, _SPACE, _cased("LOAD"), _SPACE, _cased("CSV"))
def test_loading_a_file_is_refused_however_it_is_spelled(
    before: str, first: str, load: str, second: str, csv: str
) -> None:
    with pytest.raises(ToolError, match="LOAD CSV is not run"):
        cypher.check(f"{before}{first}{load}{second}{csv} FROM 'file:///etc/passwd' AS l RETURN l")


@given(
    _SPACE,
    _SPACE,
    st.sampled_from(["apoc.load.json", "dbms.killConnection", "`apoc`.cypher.run", "db.createLabel"]),
)
def test_a_procedure_that_does_more_is_refused_however_it_is_spelled(
    first: str, second: str, name: str
) -> None:
    spelled = second.join([*name.replace(".", "\0.\0").split("\0")])
    with pytest.raises(ToolError, match="is not run"):
        cypher.check(f"MATCH (n) CALL{first}{spelled}{second}('x') YIELD value RETURN value")
    with pytest.raises(ToolError, match="is not run"):
        cypher.check(f"CALL{first}{spelled}")


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_taken_or_told_in_a_sentence(statement: str) -> None:
    told = ""
    try:
        cypher.check(statement)
    except ToolError as error:
        told = str(error)
    assert told.endswith(".") or any(word in statement.upper() for word in cypher.FIRST_WORDS)


@given(st.text(alphabet=st.characters(exclude_characters="\\'"), max_size=30))
def test_what_a_text_says_is_never_a_statement(text: str) -> None:
    cypher.check(f"MATCH (n) WHERE n.name = '{text}' RETURN n")


@pytest.mark.parametrize(
    "statement",
    [
        "MATCH (n:Service)-[r:CALLS*..3]->(m) WHERE n.p99 > 1.5 RETURN n.name, [x IN r | x.ms][..5]",
        "match (n) where exists { (n)-->() } return count { (n)--() }",
        "CALL db.index.fulltext.queryNodes('names', $text) YIELD node, score RETURN node.name, score",
        "CALL db.schema.visualization()",
        "MATCH (n) CALL (n) { MATCH (n)-->(m) RETURN count(m) AS c } RETURN n.load, n.csv, c",
        "MATCH (n) RETURN date.truncate('day', n.at), apoc.text.join(['a'], ','), n.use AS use",
        "MATCH (n:`LOAD CSV`) RETURN n // CREATE (m)",
    ],
)
def test_what_reads_is_taken(statement: str) -> None:
    cypher.check(statement)


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("", "query is empty"),
        ("// only words", "query is empty"),
        ("CREATE (n)", "begins with 'CREATE'"),
        ("EXPLAIN MATCH (n) RETURN n", "begins with 'EXPLAIN'"),
        ("SHOW SETTINGS", "begins with 'SHOW'"),
        ("`MATCH` (n)", "begins with '`MATCH`'"),
        ("MATCH (n) RETURN 'a", "is never closed"),
        ("MATCH (n) /* RETURN n", "comment in the query is never closed"),
        ("MATCH (n) RETURN '\\u0027'", "\\u in the query"),
        ("MATCH (n)\u180eRETURN n", "U+180E"),
        ("CALL { USE system MATCH (n) RETURN n } RETURN n", "USE is not run"),
        ("RETURN genai.vector.encode('x', 'OpenAI', {})", "The function genai.vector.encode"),
    ],
)
def test_what_is_wrong_is_told(statement: str, part: str) -> None:
    with pytest.raises(ToolError) as caught:
        cypher.check(statement)
    assert part in str(caught.value)
