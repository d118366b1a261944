"""What a job of the kind `enrich` is given: a finished turn, clipped to what a background model can use."""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from memory.records import Proof, now

MAX_REQUEST_CHARS: Final = 4_000
"""The longest request that a job keeps, in characters."""

MAX_ANSWER_CHARS: Final = 8_000
"""The longest answer that a job keeps."""

MAX_BEFORE_CHARS: Final = 2_000
"""The longest request, and the longest answer, that is kept of the turn before."""

MAX_FILES: Final = 32

_CUT = " […] "
_KEY_BYTES = 16


def clip(text: str, most: int) -> str:
    """Shorten a text in its middle, as what matters stands mostly at its ends.

    Args:
        text: Any text; half a surrogate pair, which no database takes, is replaced.
        most: The characters that it may have afterwards.
    """
    whole = text.encode("utf-8", "replace").decode("utf-8")
    if len(whole) <= most:
        return whole
    tail = (most - len(_CUT)) // 3
    return f"{whole[: most - len(_CUT) - tail]}{_CUT}{whole[-tail:]}"


def _clipped(most: int) -> BeforeValidator:
    return BeforeValidator(lambda value: clip(value, most) if isinstance(value, str) else value)


def _few(value: object) -> object:
    return [clip(one, 200) for one in list(value)[:MAX_FILES]] if isinstance(value, list | tuple) else value


_Names = Annotated[tuple[str, ...], BeforeValidator(_few)]
_Before = Annotated[str, _clipped(MAX_BEFORE_CHARS)]


class FinishedTurn(BaseModel):
    """A turn that has its answer. Longer texts are clipped, never refused.

    Attributes:
        session: The thread.
        turn: What names the turn in it, the same when the node runs again: the key of its job.
        request: What the user wrote.
        answer: What the user was told.
        task: What kind of task it was.
        proof: What running the code showed.
        user: Whose memory learns from it; empty for the one that is configured.
        models: The strings of the models that answered.
        files: The names of the files that came out of it.
        request_before: Of the turn before, or nothing.
        answer_before: The same.
        at: When it ended, in UTC.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    session: str = Field(max_length=255)
    turn: str = Field(max_length=255)
    request: Annotated[str, _clipped(MAX_REQUEST_CHARS)]
    answer: Annotated[str, _clipped(MAX_ANSWER_CHARS)]
    task: str = "general"
    proof: Proof = "none"
    user: str = Field(default="", max_length=255)
    models: _Names = ()
    files: _Names = ()
    request_before: _Before = ""
    answer_before: _Before = ""
    at: AwareDatetime = Field(default_factory=now)

    @property
    def key(self) -> str:
        """The key of its job: a second job for the same turn is not made."""
        data = f"{self.session}\0{self.turn}".encode()
        return blake2b(data, digest_size=_KEY_BYTES).hexdigest()

    def payload(self) -> dict[str, Any]:
        """What `Jobs.enqueue` takes, and `FinishedTurn.model_validate` reads again."""
        return self.model_dump(mode="json")
