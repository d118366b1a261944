"""Run the candidate in the sandbox and keep what that showed. Calls no model, ever."""

from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import Protocol

from langgraph.runtime import Runtime

from nodes.turn import Candidate, Context, Turn, request_of
from sandbox.evidence import Check, Evidence, SourceFile


class Verifies(Protocol):
    """What this node needs of the sandbox."""

    async def verify(
        self,
        files: Sequence[SourceFile],
        *,
        tests: str = "",
        acceptance: str = "",
        on_check: Callable[[Check], None] | None = None,
    ) -> Evidence:
        """Climb the ladder and report each step."""
        ...


class Verify:
    """Makes evidence of a candidate; the best candidate of the turn is kept."""

    def __init__(self, verifier: Verifies) -> None:
        self._verifier = verifier

    async def __call__(self, state: Turn, runtime: Runtime[Context]) -> Turn:
        """Verify the files at hand; an answer without code fails here, with that as its evidence."""
        files = state.get("files", [])
        node = copy_context()  # the sandbox reports from outside it, and the writer looks its run up there

        def tell(check: Check) -> None:
            node.run(runtime.stream_writer, {"check": check})

        evidence = await self._evidence(state, files, tell)
        best = state.get("best")
        if best is None or evidence.score > best.evidence.score or evidence.status == "verified":
            best = Candidate(files=files, evidence=evidence)
        return Turn(evidence=evidence, best=best)

    async def _evidence(
        self, state: Turn, files: list[SourceFile], on_check: Callable[[Check], None]
    ) -> Evidence:
        if not files:
            check = Check(name="code", passed=False, detail="The coding model's answer held no Python code.")
            on_check(check)
            return Evidence(status="failed", checks=[check])
        try:
            return await self._verifier.verify(
                files,
                tests=request_of(state).tests,
                acceptance=state.get("acceptance", ""),
                on_check=on_check,
            )
        except ValueError as error:  # a path that leaves the folder, two files of one name
            check = Check(name="code", passed=False, detail=str(error))
            on_check(check)
            return Evidence(status="failed", checks=[check])
