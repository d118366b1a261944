"""What one verification is asked for beside its files and tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller may ask of one verification.

    Attributes:
        types: Whether the type checker must pass too.
        examples: Tests that stood in the request, Python source; they are the user's.
        doubted: Generated cases with the message of their failure on a different solution that passed all
            else, which somebody calls wrong who read both. When nothing but exactly these fails again, the
            tests are set aside and not the solution.
    """

    types: bool = False
    examples: str = ""
    doubted: Mapping[str, str] = field(default_factory=dict)
