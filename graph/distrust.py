"""What a session from a file of unknown origin may not decide: which calls are made."""

from __future__ import annotations

from typing import Any, Final

from nodes import Request, Wanted

NOT_HERE: Final = (
    "Not run: this session came from a file, and nobody here has consented to this call. Go on without it, "
    "and tell the user what it would have done."
)


def distrust(channel: str, value: Any) -> Any:  # noqa: ANN401  # whatever a channel holds
    """Give a channel's value without consent that stands in the file: a forged one would make calls.

    What was always allowed is asked about again, `consent` = allow becomes `refuse` for the turn that goes
    on, and calls that were about to be made are answered without being made.
    """
    if channel == "allowed_tools":
        return []
    if channel == "wanted" and isinstance(value, list | tuple):
        return [_unmade(one) if isinstance(one, Wanted) else one for one in value]
    if channel == "request" and isinstance(value, Request) and value.limits.consent == "allow":
        return value.model_copy(update={"limits": value.limits.model_copy(update={"consent": "refuse"})})
    return value


def _unmade(one: Wanted) -> Wanted:
    return one.model_copy(update={"act": "refused", "reason": NOT_HERE}) if one.act == "run" else one
