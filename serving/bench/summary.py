"""What a benchmark showed, mode by mode: the figures, and the table of them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from serving.bench.records import Key, Record

_Z = 1.96
"""The normal quantile of a 95 % interval."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One mode.

    Attributes:
        mode: One of `MODES`.
        tasks: Asked for.
        judged: Turns that could be judged; all figures below are about these alone.
        unjudged: Turns that were played and could not be judged.
        correct: Right by the judging tests.
        accuracy: `correct / judged`, None when nothing was judged.
        low: Lower end of its 95 % interval.
        high: Upper end.
        verified: Turns that called their answer verified.
        verified_wrong: Of these, wrong by the judging tests.
        limited: Turns that a limit ended.
        gained: Tasks right here and wrong in the first mode, of those judged in both.
        lost: Tasks wrong here and right in the first mode.
        repairs: Repairs used.
        calls: Attempts at models.
        input_tokens: Sent to models.
        output_tokens: Received from models.
        tokens_estimated: Whether any count is our estimate.
        cost_usd: US dollars, None when the price of any model is unknown.
        seconds: Wall-clock seconds of all turns, added up.
    """

    mode: str
    tasks: int
    judged: int
    unjudged: int
    correct: int
    accuracy: float | None
    low: float | None
    high: float | None
    verified: int
    verified_wrong: int
    limited: int
    gained: int
    lost: int
    repairs: int
    calls: int
    input_tokens: int
    output_tokens: int
    tokens_estimated: bool
    cost_usd: float | None
    seconds: float

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON shows it."""
        return asdict(self)


def wilson(right: int, of: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson, J. Am. Stat. Assoc. 22, 1927).

    Args:
        right: How many were right.
        of: How many there were, at least one.
    """
    share, spread = right / of, _Z * _Z / of
    middle = share + spread / 2
    wing = _Z * math.sqrt((share * (1 - share) + spread / 4) / of)
    return max(0.0, (middle - wing) / (1 + spread)), min(1.0, (middle + wing) / (1 + spread))


def summarize(records: Mapping[Key, Record], modes: Sequence[str], ids: Sequence[str]) -> list[Summary]:
    """The figures of each mode; the first mode is the one that others are held against."""
    return [_summary(records, mode, modes[0], ids) for mode in modes]


def _summary(records: Mapping[Key, Record], mode: str, first: str, ids: Sequence[str]) -> Summary:
    played = [records[mode, name] for name in ids if (mode, name) in records]
    judged = [record for record in played if record.correct is not None]
    pairs = [
        (records[first, record.id].correct, record.correct)
        for record in judged
        if (first, record.id) in records
    ]
    correct = sum(record.correct is True for record in judged)
    low, high = wilson(correct, len(judged)) if judged else (None, None)
    verified = [record for record in judged if record.verification == "verified"]
    costs = [record.cost_usd for record in judged]
    known = [cost for cost in costs if cost is not None]
    return Summary(
        mode=mode,
        tasks=len(ids),
        judged=len(judged),
        unjudged=len(played) - len(judged),
        correct=correct,
        accuracy=correct / len(judged) if judged else None,
        low=low,
        high=high,
        verified=len(verified),
        verified_wrong=sum(not record.correct for record in verified),
        limited=sum(record.status == "limit" for record in judged),
        gained=sum(before is False and after is True for before, after in pairs),
        lost=sum(before is True and after is False for before, after in pairs),
        repairs=sum(record.repairs for record in judged),
        calls=sum(record.calls for record in judged),
        input_tokens=sum(record.input_tokens for record in judged),
        output_tokens=sum(record.output_tokens for record in judged),
        tokens_estimated=any(record.tokens_estimated for record in judged),
        cost_usd=sum(known) if len(known) == len(costs) else None,
        seconds=round(sum(record.seconds for record in judged), 3),
    )


_HEAD = (
    "mode",
    "right",
    "accuracy",
    "95 %",
    "vs first",
    "verified",
    "wrongly",
    "calls",
    "tokens in/out",
    "USD",
    "s/task",
)


def table(summaries: Sequence[Summary]) -> list[str]:
    """The figures as lines of columns; the first is left-aligned, the others right-aligned."""
    rows = [_HEAD, *(_row(summary, first=at == 0) for at, summary in enumerate(summaries))]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEAD))]
    return [
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _row(summary: Summary, *, first: bool) -> tuple[str, ...]:
    if summary.accuracy is None or summary.low is None or summary.high is None:
        return (summary.mode, f"0/{summary.judged}", *("-" for _ in _HEAD[2:]))
    runs = summary.mode not in {"solo", "split"}
    about = "~" if summary.tokens_estimated else ""
    return (
        summary.mode,
        f"{summary.correct}/{summary.judged}",
        f"{summary.accuracy:.0%}",
        f"{100 * summary.low:.0f}-{summary.high:.0%}",
        "-" if first else f"+{summary.gained} -{summary.lost}",
        str(summary.verified) if runs else "-",
        str(summary.verified_wrong) if runs else "-",
        str(summary.calls),
        f"{about}{summary.input_tokens:,}/{summary.output_tokens:,}",
        "unknown" if summary.cost_usd is None else f"{summary.cost_usd:.4g}",
        f"{summary.seconds / summary.judged:.1f}",
    )
