"""The decisions between nodes: pure functions of the state, so that the drawing is the truth."""

from typing import Literal

from graph.state import State
from nodes import unshown
from sandbox import Check


def after_classify(state: State) -> Literal["recall", "respond"]:
    """A request that cannot be taken is answered at once."""
    return "respond" if state.get("stop_reason") or state.get("request") is None else "recall"


def after_recall(state: State) -> Literal["knowledge", "reason", "verify", "respond"]:
    """What is about memory itself stays there; code that a user wants reviewed is run first."""
    request = state.get("request")
    if state.get("stop_reason") or request is None:
        return "respond"
    if request.route == "knowledge":
        return "knowledge"
    return "verify" if request.route == "review" else "reason"


def after_reason(state: State) -> Literal["approve", "code", "consent", "tools", "respond"]:
    """Code is written only when it was asked for, and a person approves of the plan where that is wanted.

    `Reason` counts each round of tool calls before it asks for one.
    """
    if state.get("stop_reason"):
        return "respond"
    if wanted := state.get("wanted"):
        return "consent" if any(one.act == "ask" for one in wanted) else "tools"
    return "approve" if state.get("approvals") else "code"


def after_approve(state: State) -> Literal["code", "respond"]:
    """A plan that was rejected ends the turn."""
    return "respond" if state.get("stop_reason") else "code"


def after_code(state: State) -> Literal["verify", "respond"]:
    """Whatever the coder wrote is run; when it wrote nothing new, the turn ends."""
    return "respond" if state.get("stop_reason") else "verify"


def after_review(state: State) -> Literal["code", "demonstrate", "respond"]:
    """The only edge that goes back. `Review` counts each repair before it asks for one.

    Findings in the user's code whose tests can show them are run once more, all together.
    """
    if state.get("verdict") == "repair":
        return "code"
    runs = any(check.name == "import" and check.passed for check in _checks(state))
    return "demonstrate" if runs and unshown(state.get("findings", [])) else "respond"


def _checks(state: State) -> list[Check]:
    evidence = state.get("evidence")
    return evidence.checks if evidence else []
