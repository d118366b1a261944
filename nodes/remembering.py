"""What an installation chooses about memory, as the nodes are told it."""

from dataclasses import dataclass
from typing import Final

RECALL_S: Final = 2.0
"""Seconds that recalling may take in a turn; after them it goes on without."""

KEEP_S: Final = 5.0
"""Seconds that storing, looking up or forgetting may take where the user asked for just that."""

ENQUEUE_S: Final = 0.5
"""Seconds that handing a turn to the queue may take; it takes some thousandths of one."""


@dataclass(frozen=True, slots=True)
class Remembering:
    """How memory is used.

    Attributes:
        user: Whose memory: its namespace.
        archives: What a run recalls from when its caller does not say; all of the user's when empty.
        recall_tokens: How much what is recalled may add to a prompt, in tokens; 0 recalls nothing.
        min_score: The least score of a fact that answers a question, 0 to 1.
        max_results: How many facts answer a question at most.
        learns: Whether finished turns go to the queue.
        off: Why there is no memory, in one sentence that says what to do; empty where there is one.
    """

    user: str = "default"
    archives: tuple[str, ...] = ()
    recall_tokens: int = 1500
    min_score: float = 0.3
    max_results: int = 8
    learns: bool = True
    off: str = ""
