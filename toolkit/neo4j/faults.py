"""What a Neo4j server and its driver report, as one sentence with a fix and without a password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolkit.compact import redact
from toolkit.neo4j.place import DATABASE, PASSWORD, URI, USERNAME
from toolkit.protocol import ToolError

if TYPE_CHECKING:
    from toolkit.neo4j.place import Server

_REASON_CHARS: Final = 300
_BY_CODE: Final = (
    ("Neo.ClientError.Security.Forbidden", "Neo4j forbids this to its user ({reason})."),
    ("Neo.ClientError.Security", f"Neo4j refused the login: mend {USERNAME} and {PASSWORD}."),
    ("Neo.ClientError.Database.DatabaseNotFound", f"Neo4j has no such database: mend {DATABASE}."),
    (
        "Neo.ClientError.Statement.AccessMode",
        "The statement is not run: it would change the database, and neo4j_query only reads.",
    ),
    ("Neo.TransientError", "Neo4j is busy ({reason}): try again, or ask for less."),
    ("Neo.", "Neo4j refused the query: {reason}."),
)


def explained(error: Exception, server: Server, within_s: float) -> ToolError:
    """Say in one sentence what was reported."""
    from neo4j import exceptions as kinds  # noqa: PLC0415 - an extra

    code = str(getattr(error, "code", None) or "")
    if isinstance(error, TimeoutError) or "TransactionTimedOut" in code or code.endswith(".Terminated"):
        return ToolError(
            f"Neo4j was stopped after {within_s:g} s: ask for less, start from a label and an indexed "
            "property, or bound a path such as [*..3]."
        )
    for known, sentence in _BY_CODE:
        if code.startswith(known):
            return ToolError(sentence.format(reason=_reason(error, server)))
    if isinstance(error, kinds.ServiceUnavailable | kinds.SessionExpired | OSError):
        return ToolError(f"Neo4j cannot be reached: start the server, or mend {URI}.")
    # Not the driver's words: an address with a password in it is in them.
    return ToolError(f"Neo4j cannot be used ({type(error).__name__}): look at {URI} and the parameters.")


def _reason(error: Any, server: Server) -> str:  # noqa: ANN401  # of the driver
    text = str(getattr(error, "message", None) or error)
    if server.password:
        text = text.replace(server.password, "…")
    # The statement follows, with a mark under the place.
    line = redact(" ".join(text.split(" (line 1, column")[0].split()))
    return line.rstrip(". :")[:_REASON_CHARS]
