"""What is known about a chain of models before it is asked: the most that it can cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs, in US dollars per million tokens, and who says so.

    Attributes:
        input_usd: For input.
        output_usd: For output, thinking too.
        source: Who says so.
        cached_input_usd: For input that the backend took from its cache, or None when it costs as the rest.
    """

    input_usd: float
    output_usd: float
    source: str
    cached_input_usd: float | None = None


@dataclass(frozen=True, slots=True)
class ChainFacts:
    """What a chain of models can cost at most when it is asked once.

    Attributes:
        attempts: Attempts at models, every try at each of them.
        seconds: Seconds that all attempts and the waits between them may take.
        prices: The price of each model in order, None where it is unknown.
        names: The model strings in order.
        refusals: Attempts more that an answer in a form can take, because servers refuse the means by which
            they were to be held to it.
        refusal_seconds: Seconds that those may take.
        takes_tools: Whether any of its models can call tools; the offline model cannot.
        routes: Whether its first model can say what a request is; the offline model cannot.
        thinks: Whether its first model thinks before it answers, by its family's name.
        tool_refusals: Attempts more, once a turn, because servers refuse tools that were offered.
    """

    attempts: int
    seconds: float
    prices: tuple[Price | None, ...]
    names: tuple[str, ...]
    refusals: int = 0
    refusal_seconds: float = 0.0
    takes_tools: bool = False
    routes: bool = False
    thinks: bool = False
    tool_refusals: int = 0

    @property
    def form_attempts(self) -> int:
        """Attempts that one `Models.reply_as` takes at most: a second question, and what servers refuse."""
        return 2 * self.attempts + self.refusals

    @property
    def form_seconds(self) -> float:
        """Seconds that one `Models.reply_as` takes at most."""
        return 2 * self.seconds + self.refusal_seconds
