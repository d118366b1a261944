"""The words of a routing decision."""

from typing import Final, Literal, get_args

Label = Literal[
    "planning",
    "code_generation",
    "code_review",
    "problem_solving",
    "explanation",
    "general",
    "knowledge_store",
    "knowledge_retrieve",
]
"""What the asker wants to hold in the end, whatever the text is about."""

Subject = Literal[
    "mathematics",
    "computer_science",
    "language_and_translation",
    "english_and_writing",
    "general",
]
"""What an explanation is about."""

LABELS: Final[tuple[Label, ...]] = get_args(Label)
SUBJECTS: Final[tuple[Subject, ...]] = get_args(Subject)
