"""What the servers say in each play, whatever their API."""

WORDS: dict[str, tuple[str, ...]] = {
    "answer": ("Hel", "lo"),
    "think": ("<thi", "nk>sec", "ret</th", "ink>Hel", "lo"),
    "only_closing_tag": ("sec", "ret</th", "ink>Hel", "lo"),
    "empty_first": ("", "Hel", "lo"),
    "empty_cut": ("",),
    "cut": ("Hel",),
    "stall": ("Hel",),
    "drip": ("Hel",),
    "no_text": (),
    "filtered": (),
    "json": ('{"n"', ": 5}"),
}
"""The pieces of the text; a play without an entry says what `answer` says."""


def is_unfinished(play: str) -> bool:
    """Tell whether the stream ends without its end mark."""
    return play in ("cut", "quiet_cut", "empty_cut", "stall", "drip")
