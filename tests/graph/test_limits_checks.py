"""What must hold of every turn, held against what really happened; and that these checks can fail."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler

from graph.agent import Agent
from graph.settings import Settings
from nodes import STATUS_OF, Context, Result, Status, StopReason, Verifies
from nodes.progress import digest
from sandbox import Evidence, SourceFile
from tests.graph.test_limits_adversary import QuickVerifier
from tests.support import ASK, BAD, GOOD, PLAN


class Watcher(BaseCallbackHandler):
    """Counts what models are really asked, beside the turn's own account."""

    run_inline = True

    def __init__(self) -> None:
        self.asked = 0

    def on_chat_model_start(self, *_args: object, **_kwargs: object) -> None:
        self.asked += 1


@dataclass
class Recorder:
    """A verifier that remembers what another one said."""

    verifier: Verifies
    told: list[tuple[str, Evidence]] = field(default_factory=list)

    async def verify(self, files: Sequence[SourceFile], **options: Any) -> Evidence:  # noqa: ANN401  # all
        evidence = await self.verifier.verify(files, **options)
        self.told.append((digest(files), evidence))
        return evidence


def check_account(
    result: Result, walked: list[str], watcher: Watcher, recorder: Recorder, made: Sequence[str] = ()
) -> None:
    """The account is true, and nothing in it exceeds the bound."""
    bounds = result.bounds
    assert bounds is not None
    used = bounds.used
    assert used is not None
    assert walked[0] == "classify"
    assert walked[-2:] == ["respond", "enrich"]
    assert walked.count("respond") == 1
    assert used.supersteps == len(walked) + 1
    assert watcher.asked <= used.model_calls == len(result.calls)
    assert len(recorder.told) <= used.sandbox_runs <= walked.count("verify") + walked.count("demonstrate")
    assert walked.count("demonstrate") <= (result.route == "review")
    assert walked.count("code") <= result.repairs + 1
    assert len(made) <= used.tool_calls <= len(result.tool_uses)
    assert len({use.id for use in result.tool_uses}) == len(result.tool_uses)
    assert used.supersteps <= bounds.supersteps
    assert used.model_calls <= bounds.model_calls
    assert used.tool_calls <= bounds.tool_calls
    assert used.sandbox_runs <= bounds.sandbox_runs
    assert used.seconds <= bounds.seconds
    if bounds.cost_usd is not None:
        before = _known(result)[:-1]
        assert used.cost_usd is not None
        # A script's money is known only after the line was played, so its last line may overshoot.
        assert used.cost_usd <= bounds.cost_usd or sum(before) < bounds.cost_usd


def check_limits(result: Result, context: Context) -> None:
    """Nothing was asked after a limit was used up."""
    calls = result.calls
    assert result.repairs <= most_repairs(context)
    if context.max_model_calls is not None:
        assert len(calls) <= context.max_model_calls
    for at in range(len(calls)):
        if context.max_input_tokens is not None:
            assert sum(call.input_tokens or 0 for call in calls[:at]) < context.max_input_tokens
        if context.max_output_tokens is not None:
            assert sum(call.output_tokens or 0 for call in calls[:at]) < context.max_output_tokens
    if context.max_cost_usd is not None and (paid := _known(result)):
        assert sum(paid[:-1]) < context.max_cost_usd


def check_end(result: Result, context: Context, asked: int | None) -> None:
    """The reason given is one that can be."""
    assert result.bounds is not None
    assert result.bounds.used is not None
    reason, used = result.stop_reason, result.bounds.used
    if result.status is not Status.DONE:
        unproved = {Status.DONE: Status.NOT_VERIFIED, Status.DECLINED: Status.NOT_VERIFIED}
        expected = STATUS_OF[reason]
        assert result.status in {expected, unproved.get(expected, expected)}
    deadline = context.turn_timeout_s
    possible = {
        StopReason.MODEL_CALL_LIMIT: len(result.calls) == context.max_model_calls,
        StopReason.TOKEN_LIMIT: (context.max_input_tokens or context.max_output_tokens) is not None,
        StopReason.COST_LIMIT: context.max_cost_usd is not None,
        StopReason.DEADLINE: deadline is not None and used.seconds >= deadline - 0.002,
        StopReason.SUPERSTEP_LIMIT: asked is not None and asked < result.bounds.supersteps,
        StopReason.REPAIRS_EXHAUSTED: result.repairs == most_repairs(context),
        StopReason.NO_PROGRESS: result.repairs >= 1,
        StopReason.INVALID_REQUEST: result.calls == [],
        StopReason.PLAN_REJECTED: context.plan_approval is True,
        StopReason.PLAN_APPROVAL: False,
        StopReason.TOOL_CONSENT: False,
        StopReason.TOOL_LIMIT: result.tool_uses != [],
    }
    assert possible.get(reason, True)
    if reason is not StopReason.SUPERSTEP_LIMIT:
        assert "limit of supersteps" not in result.answer


def most_repairs(context: Context) -> int:
    return 2 if context.max_repairs is None else context.max_repairs


def check_proof(result: Result, recorder: Recorder) -> None:
    """Verified is what the verifier said of exactly these files; and what it proved is not lost."""
    evidence = result.verification
    if result.route == "review":
        check_review(result, recorder)
        return
    verified = evidence.status == "verified"
    assert verified == any(said.status == "verified" for _, said in recorder.told)
    assert (result.status is Status.DONE) == (
        verified or (result.route == "answer" and result.stop_reason is StopReason.COMPLETED)
    )
    if verified:
        assert (digest(result.files), evidence) in recorder.told
        assert any(check.name == "import" and check.passed for check in evidence.checks)
        assert all(check.passed for check in evidence.checks if check.required)


def check_review(result: Result, recorder: Recorder) -> None:
    """The evidence of a review is of the code as it was given, and what it calls shown was shown."""
    assert result.files == []
    assert (result.status is Status.DONE) == (result.stop_reason is StopReason.COMPLETED)
    if recorder.told:
        assert result.verification == recorder.told[0][1]
    for finding in result.findings:
        assert (finding.shown_by == "test") <= (len(recorder.told) == 2 and finding.test != "")
        checks = {check.name for check in result.verification.checks if not check.passed}
        assert finding.shown_by in {None, "test", *checks}


def _known(result: Result) -> list[float]:
    """What was paid, call by call."""
    return [call.cost_usd for call in result.calls if call.cost_usd]


def _falsify(result: Result, part: str, **values: Any) -> Result:  # noqa: ANN401  # as the models take them
    """The same result with one lie in it."""
    if part == "result":
        return result.model_copy(update=values)
    assert result.bounds is not None
    assert result.bounds.used is not None
    if part == "bounds":
        return result.model_copy(update={"bounds": result.bounds.model_copy(update=values)})
    used = result.bounds.used.model_copy(update=values)
    return result.model_copy(update={"bounds": result.bounds.model_copy(update={"used": used})})


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Of a turn that was repaired once; no lie changes it, so it is played once."""
    home = tmp_path_factory.mktemp("home")
    models = {}
    for role, texts in (("reasoning_model", [PLAN] * 9), ("coding_model", [BAD, GOOD])):
        path = home / f"{role}.jsonl"
        path.write_text("".join(json.dumps({"content": text}) + "\n" for text in texts), encoding="utf-8")
        models[role] = f"scripted:{path}"
    with Agent(Settings(home=home, **models)) as agent:
        return agent.ask(ASK)


@pytest.mark.parametrize(
    ("part", "lie"),
    [
        ("used", {"supersteps": 9}),
        ("used", {"model_calls": 4}),
        ("used", {"model_calls": 99}),
        ("used", {"sandbox_runs": 3}),
        ("used", {"tool_calls": 1}),
        ("used", {"seconds": 1e6}),
        ("used", {"cost_usd": 1.0}),
        ("bounds", {"supersteps": 9}),
        ("bounds", {"sandbox_runs": 1}),
        ("result", {"repairs": 3}),
        ("result", {"stop_reason": StopReason.DEADLINE}),
        ("result", {"stop_reason": StopReason.NO_PROGRESS, "repairs": 0}),
        ("result", {"status": Status.LIMIT}),
        ("result", {"files": []}),
        ("result", {"verification": Evidence(status="failed")}),
    ],
)
def test_a_lie_is_found(result: Result, part: str, lie: dict[str, Any]) -> None:
    recorder = Recorder(QuickVerifier())
    recorder.told = [("", Evidence(status="failed")), (digest(result.files), result.verification)]
    watcher = Watcher()
    watcher.asked = len(result.calls)
    walked = ["classify", "recall", "reason", *("code", "verify", "review") * 2, "respond", "enrich"]

    def check(told: Result) -> None:
        check_account(told, walked, watcher, recorder)
        check_limits(told, Context())
        check_end(told, Context(), None)
        check_proof(told, recorder)

    check(result)
    with pytest.raises(AssertionError):
        check(_falsify(result, part, **lie))
