"""What a Cypher statement says, looked at before any server is."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from toolkit.protocol import ToolError

FIRST_WORDS: Final = frozenset({"MATCH", "OPTIONAL", "WITH", "UNWIND", "RETURN", "CALL", "LET", "FILTER"})
"""What a statement that reads begins with. Not `SHOW`: it tells settings, users, and what others ask."""

_APOC_FUNCTIONS: Final = (
    *("any", "agg", "bitwise", "coll", "convert", "date", "diff", "hashing", "json", "label", "map", "math"),
    *("meta", "node", "nodes", "number", "rel", "rels", "scoring", "temporal", "text"),
)
_FUNCTIONS: Final = (
    *("coll.", "date.", "datetime.", "duration.", "graph.by", "localdatetime.", "localtime.", "point."),
    *("time.", "vector.", "vector_"),
    *(f"apoc.{name}." for name in _APOC_FUNCTIONS),
)
_PROCEDURES: Final = (
    *("db.index.fulltext.listAvailableAnalyzers", "db.index.fulltext.queryNodes"),
    *("db.index.fulltext.queryRelationships", "db.index.vector.queryNodes"),
    *("db.index.vector.queryRelationships", "db.info", "db.labels", "db.ping", "db.propertyKeys"),
    *("db.relationshipTypes", "db.schema."),
    *("apoc.algo.", "apoc.meta.", "apoc.neighbors.", "apoc.path."),
)
_TOKEN: Final = re.compile(
    r"""
    (?P<skip>\s+|//[^\r\n]*|/\*.*?\*/)
    |(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    |(?P<quoted>`(?:[^`]|``)*`)
    |(?P<name>[^\W\d]\w*)
    |(?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    text: str

    @property
    def word(self) -> str:
        """In capitals when it can be a keyword."""
        return self.text.upper() if self.kind == "name" else ""


def check(statement: str) -> None:
    """Refuse a statement that does more than read, as far as its words tell.

    The server is asked too: this is for what a server would let a reader do (fetch a file or an address with
    `LOAD CSV`, end what others run, tell its settings), wherever in the statement it stands.

    Raises:
        ToolError: With what is not allowed, and what is.
    """
    tokens = _tokens(statement)
    if not tokens:
        raise ToolError("query is empty: write a Cypher statement that begins with MATCH.")
    if tokens[0].word not in FIRST_WORDS:
        raise ToolError(
            f"A statement that begins with {tokens[0].text[:40]!r} is not run: neo4j_query only reads; begin "
            "with MATCH, OPTIONAL MATCH, WITH, UNWIND, RETURN or CALL, and see neo4j_schema for the schema."
        )
    for before, token, after in zip([_NONE, *tokens], tokens, [*tokens[1:], _NONE], strict=False):
        if token.word == "LOAD" and after.word == "CSV":
            raise ToolError("LOAD CSV is not run: it reads files and addresses, not the graph.")
        if (
            token.word == "USE"
            and after.kind in {"name", "quoted"}
            and before.text not in {".", ":", "$", "AS"}
        ):
            raise ToolError("USE is not run: neo4j_query reads only the database that NEO4J_DATABASE names.")
    _check_calls(tokens)


def is_allowed_procedure(name: str) -> bool:
    """Tell whether a procedure is one that looks at the graph, and at nothing else."""
    return any(name == one or (one.endswith(".") and name.startswith(one)) for one in _PROCEDURES)


def refused_procedure(name: str) -> ToolError:
    """Give the error for a procedure that is not run."""
    return ToolError(
        f"The procedure {name[:80]} is not run: only those that read the graph are, such as db.labels, "
        "db.schema.*, db.index.fulltext.queryNodes and db.index.vector.queryNodes."
    )


_NONE: Final = _Token("other", "")


def _tokens(statement: str) -> list[_Token]:
    if "\\u" in statement or "\\U" in statement:
        # Servers read such an escape before all else, so that it can end a text.
        raise ToolError(
            "\\u in the query is not allowed: write the character itself, or pass it in parameters."
        )
    tokens = [
        _Token(str(match.lastgroup), match.group())
        for match in _TOKEN.finditer(statement)
        if match.lastgroup != "skip"
    ]
    for token, after in zip(tokens, [*tokens[1:], _NONE], strict=False):
        if token.kind != "other":
            continue
        if token.text in "'\"`":
            raise ToolError(f"A {token.text} in the query is never closed.")
        if token.text == "/" and after.text == "*":
            raise ToolError("A comment in the query is never closed.")
        if not (token.text.isascii() and token.text.isprintable()):
            raise ToolError(
                f"The query has the character U+{ord(token.text):04X} outside of a text: remove it."
            )
    return tokens


def _check_calls(tokens: list[_Token]) -> None:
    at = 0
    while at < len(tokens):
        if tokens[at].kind not in {"name", "quoted"}:
            at += 1
            continue
        start, (name, at) = at, _dotted(tokens, at)
        is_procedure = start > 0 and tokens[start - 1].word == "CALL"
        is_call = at < len(tokens) and tokens[at].text == "("
        if is_procedure and not is_allowed_procedure(name):
            raise refused_procedure(name)
        if is_call and not is_procedure and "." in name and not name.lower().startswith(_FUNCTIONS):
            raise ToolError(
                f"The function {name[:80]} is not run: only those of Cypher itself are, and those of APOC "
                "that compute from what they are given."
            )


def _dotted(tokens: list[_Token], at: int) -> tuple[str, int]:
    """Read a name such as `db.labels` from its first part; spaces and quotes do not hide it."""
    parts = [_unquoted(tokens[at])]
    at += 1
    while at + 1 < len(tokens) and tokens[at].text == "." and tokens[at + 1].kind in {"name", "quoted"}:
        parts.append(_unquoted(tokens[at + 1]))
        at += 2
    return ".".join(parts), at


def _unquoted(token: _Token) -> str:
    return token.text[1:-1].replace("``", "`") if token.kind == "quoted" else token.text
