"""Run the candidate in the sandbox and keep what that showed. Calls no model, ever."""

from collections.abc import Callable
from contextvars import copy_context
from typing import ClassVar

from langgraph.runtime import Runtime

from nodes.context import Context
from nodes.cost import Cost
from nodes.doubts import doubted, with_misses
from nodes.ends import StopReason
from nodes.limits import describe, seconds_left
from nodes.progress import is_better
from nodes.result import Candidate
from nodes.turn import Turn, request_of, spending_of
from nodes.verifies import Verifies
from sandbox.evidence import Check, Evidence, SourceFile
from sandbox.options import Options


class Verify:
    """Makes evidence of a candidate; the best candidate of the turn is kept."""

    cost: ClassVar[Cost] = Cost(sandbox_runs=1)

    def __init__(self, verifier: Verifies) -> None:
        self._verifier = verifier

    async def __call__(self, state: Turn, runtime: Runtime[Context]) -> Turn:
        """Verify the files at hand; an answer without code fails here, with that as its evidence."""
        files, best = state.get("files", []), state.get("best")
        request, spending = request_of(state), spending_of(state)
        late = Turn(stop_reason=StopReason.DEADLINE, answer=describe("deadline", request.limits))
        left = seconds_left(request.limits, spending)
        if left <= 0:
            unproved = Evidence(
                status="not_executed", reason="the turn's time was over before it could be run"
            )
            return late | Turn(evidence=unproved, best=best or Candidate(files=files, evidence=unproved))
        node = copy_context()  # the sandbox reports from outside it, and the writer looks its run up there

        def tell(check: Check) -> None:
            node.run(runtime.stream_writer, {"check": check})

        evidence = await self._evidence(state, files, tell, left)
        if evidence.status == "verified" and evidence.failure:  # whatever a verifier says
            evidence = evidence.model_copy(update={"status": "failed"})
        if best is None or is_better(evidence, best.evidence):
            best = Candidate(files=files, evidence=evidence)
        counted = spending.model_copy(update={"sandbox_runs": spending.sandbox_runs + 1})
        update = Turn(evidence=evidence, best=best, spending=counted, misses=with_misses(state, evidence))
        cut = evidence.status != "verified" and seconds_left(request.limits, spending) <= 0
        return update | late if cut else update

    async def _evidence(
        self, state: Turn, files: list[SourceFile], on_check: Callable[[Check], None], seconds: float
    ) -> Evidence:
        if not files and request_of(state).route == "review":
            return Evidence(status="not_executed", reason=request_of(state).unrunnable)
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
                seconds=seconds,
                options=_options(state),
            )
        except OSError as error:  # a full disk, no more processes: the machine's fault, not the code's
            return Evidence(status="not_executed", reason=f"the sandbox could not be used ({error})")
        except ValueError as error:  # a path that leaves the folder, two files of one name
            check = Check(name="code", passed=False, detail=str(error))
            on_check(check)
            return Evidence(status="failed", checks=[check])


def _options(state: Turn) -> Options:
    """What the request asks for beside its tests, and which generated tests may be wrong themselves."""
    request = request_of(state)
    return Options(types=request.types, examples=request.examples, doubted=doubted(state))
