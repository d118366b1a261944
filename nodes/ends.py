"""How a turn can end: every way is one of these values, and reaches the user through `Result`."""

from collections.abc import Mapping
from enum import StrEnum

from providers.protocol import LimitKind


class Status(StrEnum):
    """How a turn ended, as far as a caller must act on it."""

    DONE = "done"
    """Answered; code, if asked for, is verified."""
    NOT_VERIFIED = "not_verified"
    """Code was asked for and what there is could not be proved."""
    DECLINED = "declined"
    """The model said that it cannot do this, or a person rejected its plan."""
    LIMIT = "limit"
    """A limit struck before the turn could finish."""
    FAILED = "failed"
    """Every model of a role failed, or what was told could not be remembered."""
    REJECTED = "rejected"
    """The request could not be accepted; nothing ran."""
    WAITING = "waiting"
    """The turn waits for a person and goes on when it is resumed."""


class StopReason(StrEnum):
    """Why a turn ended. Every way to stop is one of these."""

    COMPLETED = "completed"
    DECLINED = "declined"
    INVALID_REQUEST = "invalid_request"
    PLAN_APPROVAL = "plan_approval"
    PLAN_REJECTED = "plan_rejected"
    REPAIRS_EXHAUSTED = "repairs_exhausted"
    NO_PROGRESS = "no_progress"
    NOT_EXECUTED = "not_executed"
    MODELS_FAILED = "models_failed"
    MEMORY_FAILED = "memory_failed"
    MODEL_CALL_LIMIT = "model_call_limit"
    TOKEN_LIMIT = "token_limit"  # noqa: S105  # tokens of text
    COST_LIMIT = "cost_limit"
    DEADLINE = "deadline"
    TOOL_CONSENT = "tool_consent"
    TOOL_LIMIT = "tool_limit"
    SUPERSTEP_LIMIT = "superstep_limit"


STATUS_OF: Mapping[StopReason, Status] = {
    StopReason.COMPLETED: Status.DONE,
    StopReason.DECLINED: Status.DECLINED,
    StopReason.INVALID_REQUEST: Status.REJECTED,
    StopReason.PLAN_APPROVAL: Status.WAITING,
    StopReason.PLAN_REJECTED: Status.DECLINED,
    StopReason.REPAIRS_EXHAUSTED: Status.NOT_VERIFIED,
    StopReason.NO_PROGRESS: Status.NOT_VERIFIED,
    StopReason.NOT_EXECUTED: Status.NOT_VERIFIED,
    StopReason.MODELS_FAILED: Status.FAILED,
    StopReason.MEMORY_FAILED: Status.FAILED,
    StopReason.MODEL_CALL_LIMIT: Status.LIMIT,
    StopReason.TOKEN_LIMIT: Status.LIMIT,
    StopReason.COST_LIMIT: Status.LIMIT,
    StopReason.DEADLINE: Status.LIMIT,
    StopReason.TOOL_CONSENT: Status.WAITING,
    StopReason.TOOL_LIMIT: Status.LIMIT,
    StopReason.SUPERSTEP_LIMIT: Status.LIMIT,
}
"""What each reason means to a caller. A turn whose code is verified is done, whatever stopped it."""


REASON_OF: Mapping[LimitKind, StopReason] = {
    "model_calls": StopReason.MODEL_CALL_LIMIT,
    "input_tokens": StopReason.TOKEN_LIMIT,
    "output_tokens": StopReason.TOKEN_LIMIT,
    "cost": StopReason.COST_LIMIT,
    "deadline": StopReason.DEADLINE,
}
"""Which end each limit leads to."""
