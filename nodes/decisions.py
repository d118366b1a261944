"""What a request was taken for, by whom and how surely; how a session remembers it; the mix so far."""

import hashlib
import threading
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final, Literal, get_args
from unicodedata import normalize

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nodes.context import Task
from providers.protocol import Allowance
from routing.labels import Subject

Tier = Literal["caller", "session", "signal", "classifier", "model", "default"]
"""Who decided: the caller; this session, for the same text before; words or code that leave no doubt; the
local classifier; one model call; nobody, so that the safe default holds."""

_KEPT_MS: Final = 1_000
"""So many of the latest times are kept for the median."""


class Decision(BaseModel):
    """What a request was taken for.

    Attributes:
        task: What kind of task it is.
        subject: What an explanation is about; `general` for all other tasks.
        tier: Who decided.
        confidence: From 0 to 1, calibrated for the classifier; None where a model said it, as its own figure
            means nothing.
        ms: Milliseconds that the decision took.
        note: Why a tier before this one gave nothing, in one sentence; mostly empty.
    """

    model_config = ConfigDict(frozen=True)

    task: Task = "general"
    subject: Subject = "general"
    tier: Tier = "default"
    confidence: float | None = Field(default=None, ge=0, le=1)
    ms: float = 0.0
    note: str = ""


def key_of(text: str, *facts: object) -> str:
    """A short name of a request: its text, and what came with it.

    Args:
        text: What the user wrote; how it is spaced, and how its accents are encoded, does not matter.
        facts: What else the decision looked at, such as whether code came with it.
    """
    said = "\x00".join((" ".join(normalize("NFC", text).split()), *map(repr, facts)))
    return hashlib.sha256(said.encode(errors="surrogatepass")).hexdigest()[:16]


def noted(key: str, decision: Decision) -> str:
    """A decision as a session keeps it: one short line, so that a list of them grows by what it grew."""
    confidence = "-" if decision.confidence is None else f"{decision.confidence:.4f}"
    return f"{key} {decision.task} {decision.subject} {confidence}"


def before(lines: Sequence[str], key: str) -> Decision | None:
    """What this session decided on the same request, or None; a line that cannot be read is passed over."""
    for line in reversed(lines):
        if str(line).startswith(f"{key} "):
            parts = dict(zip(("task", "subject", "confidence"), line.split(" ")[1:], strict=False))
            confidence = parts.pop("confidence", "-")
            said: dict[str, Any] = parts | ({} if confidence == "-" else {"confidence": confidence})
            try:
                return Decision(tier="session", **said)
            except ValidationError:
                continue
    return None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a decision looks at.

    Attributes:
        text: What the user wrote.
        task: What the caller said it is, or None.
        has_code: Whether code is there that the request is about.
        has_diff: Whether a diff is among it.
        has_tests: Whether the user's tests came with it.
        is_review: Whether its words ask for a review, where there is code.
        is_change: Whether its words only make sense as a change, and there is code to change.
        brings_code: Whether the caller gave files.
        at_work: Whether this session made code before.
        uses_memory: Whether the run may look into memory.
        user: Whose memory.
        chain: The reasoning chain of this run, or None for the configured one.
        allowance: What the turn may use.
        decided: What the session noted before; see `nodes.decisions`.
    """

    text: str
    task: Task | None = None
    has_code: bool = False
    has_diff: bool = False
    has_tests: bool = False
    is_review: bool = False
    is_change: bool = False
    brings_code: bool = False
    at_work: bool = False
    uses_memory: bool = False
    user: str = ""
    chain: str | None = None
    allowance: Allowance = Allowance()  # noqa: RUF009  # it is frozen
    decided: Sequence[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The name of this request within its session."""
        facts = [self.has_code, self.has_tests, self.brings_code, self.at_work, self.uses_memory]
        return key_of(self.text, *facts, *(["diff"] if self.has_diff else []))


class RoutingStats(BaseModel):
    """How requests were decided since the agent was made.

    Attributes:
        tiers: How many each tier decided.
        tasks: How many each task got.
        median_ms: Milliseconds of a decision in the median of the latest thousand; None without any.
    """

    tiers: dict[str, int] = Field(default_factory=dict)
    tasks: dict[str, int] = Field(default_factory=dict)
    median_ms: float | None = None


class RoutingLedger:
    """Counts decisions; may be shared by threads and loops."""

    def __init__(self) -> None:
        """Start at zero."""
        self._lock = threading.Lock()
        self._tiers = Counter[str](dict.fromkeys(get_args(Tier), 0))
        self._tasks = Counter[str]()
        self._ms = deque[float](maxlen=_KEPT_MS)

    def record(self, decision: Decision) -> None:
        """Count one more."""
        with self._lock:
            self._tiers[decision.tier] += 1
            self._tasks[decision.task] += 1
            self._ms.append(decision.ms)

    def stats(self) -> RoutingStats:
        """The mix so far."""
        with self._lock:
            middle = round(median(self._ms), 3) if self._ms else None
            return RoutingStats(tiers=dict(self._tiers), tasks=dict(self._tasks), median_ms=middle)
