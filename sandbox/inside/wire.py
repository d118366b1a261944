"""What writing and reading values have in common."""

DEEPEST = 150
"""How deep data may be nested."""
SINGLES = {b"N": None, b"T": True, b"F": False, b".": ..., b"!": NotImplemented}


class Malformed(Exception):  # noqa: N818 - it is not an error of ours
    """Bytes that no honest peer sends."""


class CannotCross(BaseException):
    """Something has no faithful likeness on the other side; not to be caught by tests."""
