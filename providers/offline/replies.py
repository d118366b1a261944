"""What the offline model says: always with its source, never more than its cookbook knows."""

from collections.abc import Sequence
from dataclasses import dataclass

from providers.offline.cookbook import Cookbook, Match
from providers.offline.recipe import Recipe
from providers.offline.stems import stems

_CONNECT = (
    "connect a model, for example: DUOGRAPH_REASONING_MODEL=openai:gpt-5.4 "
    "DUOGRAPH_CODING_MODEL=openai:gpt-5.4 (with OPENAI_API_KEY set), "
    "or openai:MODEL@http://localhost:11434/v1 for a local server."
)
_LONGEST_SMALL_TALK = 12
_GREETINGS = frozenset(stems("hello hi hey hallo greetings good morning afternoon evening there you"))
_THANKS = frozenset(stems("thanks thank you thx cheers great perfect nice a lot very much so"))
_HELP = (
    frozenset(stems("help")),
    frozenset(stems("what can you do")),
    frozenset(stems("what do you know")),
    frozenset(stems("who are you")),
    frozenset(stems("what are you")),
    frozenset(stems("list recipes")),
    frozenset(stems("which recipes")),
    frozenset(stems("how can you help")),
)
_POLITE = frozenset(
    stems("please hello hi hey me us i the your all for with now do have there and tell show in")
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A reply before it becomes a message.

    Attributes:
        text: What is said.
        recipe: The slug of the recipe that it came from, if any.
        declined: Whether it declines the request.
    """

    text: str
    recipe: str | None = None
    declined: bool = False


def plan(match: Match) -> Draft:
    """Give the recipe's plan and its tests as acceptance tests."""
    return Draft(
        f"{_source(match.recipe)}\n\n{match.recipe.plan}\n\n{_fenced('acceptance', match.tests)}",
        match.recipe.slug,
    )


def code(match: Match) -> Draft:
    """Give the recipe's solution as one block."""
    return Draft(_solution(match), match.recipe.slug)


def judge(match: Match) -> Draft:
    """Pass the verdict on to the evidence."""
    return Draft(
        "VERDICT: PASS\n"
        "The offline model did not judge by itself: the solution is that of its recipe "
        f'"{match.recipe.title}", and the tests that ran are the evidence.',
        match.recipe.slug,
    )


def answer(match: Match) -> Draft:
    """Give the whole recipe, saying that nothing ran."""
    return Draft(
        f"{_source(match.recipe)} The code below was not run.\n\n{match.recipe.plan}\n\n{_solution(match)}",
        match.recipe.slug,
    )


def from_facts(facts: str) -> Draft:
    """Repeat what was remembered: each fact is a heading in brackets with lines marked by `|` below it."""
    lines: list[str] = []
    for line in facts.splitlines():
        if line.startswith("|"):
            lines.append(line.removeprefix("|").removeprefix(" "))
        elif line.startswith("["):
            lines.append(f"- {line.strip('[]')}:")
    text = "\n".join(line if line.startswith("- ") else f"  {line}" for line in lines)
    return Draft(f"This is what I was told (from the offline model, word for word):\n\n{text}")


def small_talk(request: str, cookbook: Cookbook) -> Draft | None:
    """Answer a greeting, thanks or a question for help.

    Args:
        request: The user's words.
        cookbook: What the help text counts and lists.

    Returns:
        The reply, or None when the request is something else.
    """
    if len(request) > _LONGEST_SMALL_TALK * 20:
        return None
    roots = stems(request)
    if not roots or len(roots) > _LONGEST_SMALL_TALK:
        return None
    seen = set(roots)
    if any(asked <= seen and seen - asked <= _POLITE for asked in _HELP):
        titles = "\n".join(f"- {recipe.title}" for recipe in cookbook.recipes)
        return Draft(f"{_introduction(cookbook.recipes)}\n\nThe recipes:\n\n{titles}")
    if seen <= _GREETINGS:
        return Draft(f"Hello. {_introduction(cookbook.recipes)}")
    if seen <= _THANKS:
        return Draft("You are welcome. (From the offline model.)")
    return None


def no_recipe() -> Draft:
    """Decline what the cookbook does not hold."""
    return Draft(
        f"The offline model has no recipe for this; {_CONNECT} It answers only what its cookbook holds "
        'and invents nothing; ask it "what can you do" for the list.',
        declined=True,
    )


def no_diagnosis() -> Draft:
    """Decline to explain a failure."""
    return Draft(f"The offline model cannot diagnose a failure; {_CONNECT}", declined=True)


def no_review() -> Draft:
    """Decline to review code."""
    return Draft(f"The offline model cannot review code; {_CONNECT}", declined=True)


def no_second_recipe(match: Match) -> Draft:
    """Decline to repair a recipe that was tried already."""
    return Draft(
        f'The offline model has only this one recipe, "{match.recipe.title}", '
        f"and cannot repair it; {_CONNECT}",
        match.recipe.slug,
        declined=True,
    )


def _source(recipe: Recipe) -> str:
    return f'From the cookbook of the offline model, recipe "{recipe.title}".'


def _solution(match: Match) -> str:
    comment = f'# From Duograph\'s offline cookbook (the offline model), recipe "{match.recipe.title}".\n'
    return _fenced("solution.py", comment + match.solution)


def _fenced(label: str, source: str) -> str:
    return f"```python {label}\n{source.rstrip()}\n```"


def _introduction(recipes: Sequence[Recipe]) -> str:
    return (
        f"This is the offline model: a cookbook of {len(recipes)} common Python tasks, without key, "
        'network or weights. Ask for one, such as "Write a Python function that validates email addresses". '
        f"For everything else {_CONNECT}"
    )
