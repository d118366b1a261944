"""The decisions between nodes: pure functions of the state, so that the drawing is the truth."""

from typing import Literal

from graph.state import State


def after_classify(state: State) -> Literal["reason", "respond"]:
    """A request that cannot be taken goes straight to the answer that says so."""
    return "respond" if state.get("stop_reason") else "reason"


def after_reason(state: State) -> Literal["code", "respond"]:
    """Code is written only when it was asked for and the reasoning model did its part."""
    return "respond" if state.get("stop_reason") else "code"


def after_code(state: State) -> Literal["verify", "respond"]:
    """Whatever the coder wrote is run; when it wrote nothing new, the turn ends."""
    return "respond" if state.get("stop_reason") else "verify"


def after_review(state: State) -> Literal["code", "respond"]:
    """The only edge that goes back. `Review` counts each repair before it asks for one."""
    return "code" if state.get("verdict") == "repair" else "respond"
