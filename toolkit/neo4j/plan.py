"""What a server says that it would do, asked with EXPLAIN: which does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolkit.neo4j.cypher import is_allowed_procedure, refused_procedure
from toolkit.protocol import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from neo4j import AsyncTransaction

_READS: Final = "r"
_REFUSED: Final = ("LoadCSV", "Transaction", "AdministrationCommand", "Show", "Terminate")


async def check(transaction: AsyncTransaction, statement: str, parameters: Mapping[str, Any]) -> None:
    """Refuse a statement of which the server says that it does more than read.

    Raises:
        ToolError: With what is not allowed.
    """
    result = await transaction.run(f"EXPLAIN {statement}", dict(parameters))
    summary = await result.consume()
    operators = list(_operators(summary.plan or {}))
    procedures = {
        details.split("(", 1)[0].strip() for kind, details in operators if kind.startswith("ProcedureCall")
    }
    for name in sorted(procedures):
        if not is_allowed_procedure(name):
            raise refused_procedure(name)
    for kind, _ in operators:
        if kind.startswith(_REFUSED):
            raise ToolError(
                f"The statement is not run: it needs {kind.split('@')[0]}, and neo4j_query only reads."
            )
    if summary.query_type != _READS:
        raise ToolError("The statement is not run: it would change the database, and neo4j_query only reads.")
    if procedures:
        await _check_modes(transaction, sorted(procedures))


async def _check_modes(transaction: AsyncTransaction, names: list[str]) -> None:
    result = await transaction.run(
        "SHOW PROCEDURES YIELD name, mode WHERE name IN $names RETURN name, mode", names=names
    )
    modes = {str(record["name"]): str(record["mode"]) async for record in result}
    for name in names:
        if modes.get(name) != "READ":
            raise refused_procedure(name)


def _operators(plan: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    waiting: list[Mapping[str, Any]] = [plan]
    while waiting:
        one = waiting.pop()
        yield str(one.get("operatorType", "")), str((one.get("args") or {}).get("Details", ""))
        waiting.extend(one.get("children") or ())
