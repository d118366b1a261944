"""In what manner a question is put to a model: the arguments of one call, made for each backend."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from providers.backend import Sampling, Timeouts

if TYPE_CHECKING:
    from providers.attempt import Attempt
    from providers.backend import Backend


@dataclass(frozen=True, slots=True)
class Manner:
    """How one question is asked, whichever model of the chain is asked it.

    Attributes:
        timeouts: For each attempt.
        sampling: How tokens are picked.
        max_tokens: Tokens after which a model is told to stop, beside the turn's own limit.
    """

    timeouts: Timeouts = field(default_factory=Timeouts)
    sampling: Sampling = field(default_factory=Sampling)
    max_tokens: int | None = None

    def options(self, backend: Backend, attempt: Attempt) -> dict[str, Any]:
        """Give the call's arguments, and note in the attempt whether the model was told the turn's limit."""
        limits: dict[str, Any] = {}
        left, own = attempt.output_limit, self.max_tokens
        if left is not None and (own is None or left <= own):
            limits = backend.output_limit(left) if backend.output_limit else {}
            attempt.told = bool(limits)
        if not limits and own is not None:
            say = backend.max_tokens or backend.output_limit
            limits = say(own) if say else {}
        return limits | (backend.sampling(self.sampling) if backend.sampling else {})
