"""Who answers: for each task, and each subject of an explanation, a prompt and a set of tools; no agent."""

from dataclasses import dataclass
from typing import Final

from nodes.context import Task
from nodes.prompting import prompt
from routing.labels import Subject

_CHECKING: Final = ("calculator", "run_python")


@dataclass(frozen=True, slots=True)
class Specialist:
    """What is added for one kind of request.

    Attributes:
        name: Of its prompt in `nodes/prompts/specialists`; empty for none.
        tools: What it brings beside the tools that an installation chose.
        works_in_steps: Whether a model that does not think by itself is told to work step by step.
    """

    name: str = ""
    tools: tuple[str, ...] = ()
    works_in_steps: bool = False

    def rules(self, *, thinks: bool) -> str:
        """What the system message adds.

        Args:
            thinks: Whether the model thinks before it answers; who makes those advises against it.
        """
        parts = [f"specialists/{self.name}"] if self.name else []
        if self.works_in_steps and not thinks:
            parts.append("specialists/steps")
        return "\n\n".join(map(prompt, parts))


_TASKS: Final[dict[Task, Specialist]] = {
    "planning": Specialist("planning"),
    "problem_solving": Specialist("problem_solving", _CHECKING, works_in_steps=True),
    "code_review": Specialist("code_review"),
}
_SUBJECTS: Final[dict[Subject, Specialist]] = {
    "mathematics": Specialist("mathematics", _CHECKING),
    "computer_science": Specialist("computer_science"),
    "language_and_translation": Specialist("language_and_translation"),
    "english_and_writing": Specialist("english_and_writing"),
    "general": Specialist("anything"),
}
LENT: Final = frozenset(tool for each in (*_TASKS.values(), *_SUBJECTS.values()) for tool in each.tools)
"""All tools that a specialist brings."""


def specialist_of(task: Task, subject: Subject = "general") -> Specialist:
    """Who answers a request of this kind without code to write."""
    return _SUBJECTS[subject] if task == "explanation" else _TASKS.get(task, Specialist())
