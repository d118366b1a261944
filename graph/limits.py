"""How far a turn can go."""

from nodes import MAX_REPAIRS


def superstep_limit(max_repairs: int = MAX_REPAIRS) -> int:
    """The most supersteps that a turn with `max_repairs` repairs can take.

    One each for the input, `classify`, `reason` and `respond`, and three for every candidate:
    `code`, `verify`, `review`. The first candidate is not a repair.
    """
    return 4 + 3 * (1 + max_repairs)
