"""Plans with their acceptance tests, and what a person may answer when asked about one."""

from typing import Any, Literal, Self, final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from typing_extensions import TypedDict

from nodes.fences import blocks, without_blocks
from sandbox import TestsError, check_tests

MAX_PLAN_CHARS = 100_000
"""The longest plan that a person may send back, in characters."""

_YES = {"approve", "approved", "yes", "y", "ok", "okay", "accept", "go"}
_NO = {"reject", "rejected", "no", "n"}
_CHOICES = 'Answer with {"decision": "approve"}, with "edit" and the whole plan as "plan", or with "reject".'


def read_plan(text: str) -> tuple[str, str]:
    """Split a plan from its acceptance tests.

    Returns:
        The plan, and the source of the tests; the tests are empty when there are none.
    """
    found = blocks(text)
    marked = [block.text for block in found if "acceptance" in f"{block.language} {block.info}"]
    if marked:
        return without_blocks(text, "acceptance"), "\n".join(marked)
    tests = [block for block in found if block.is_python and "assert" in block.text]
    if not tests:
        return text.strip(), ""
    return text.replace(tests[-1].text, "").strip(), tests[-1].text


def show_plan(plan: str, acceptance: str) -> str:
    """A plan and its tests as one text, the way that `read_plan` reads it."""
    ticks = "```"
    while ticks in acceptance:
        ticks += "`"
    tests = f"{ticks}python acceptance\n{acceptance.rstrip()}\n{ticks}" if acceptance.strip() else ""
    return "\n\n".join(filter(None, (plan.strip(), tests)))


@final
class PlanQuestion(TypedDict):
    """What a person is asked: the plan with its acceptance tests, and what was wrong with the last answer."""

    question: str
    plan: str
    problem: str


class PlanAnswer(BaseModel):
    """What a person answers when asked about a plan.

    Attributes:
        decision: `approve`, `edit` or `reject`.
        plan: For `edit`: the whole plan as it shall be, its acceptance tests included.
        reason: For `reject`: why, if you like.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    decision: Literal["approve", "edit", "reject"]
    plan: str = Field(default="", max_length=MAX_PLAN_CHARS)
    reason: str = Field(default="", max_length=2000)

    @model_validator(mode="after")
    def _plan_goes_with_edit(self) -> Self:
        """An edit needs a plan whose tests can be used, and nothing else may bring one.

        Raises:
            ValueError: When not.
        """
        if (self.decision == "edit") != bool(self.plan.strip()):
            raise ValueError("an edit brings the whole plan as `plan`, and nothing else does")
        _, tests = read_plan(self.plan)
        if tests.strip():
            try:
                check_tests(tests, name="the plan's acceptance tests")
            except TestsError as error:
                said = str(error).removesuffix("; mend the tests.")
                raise ValueError(f"{said}; mend them in the plan") from None
        return self


def ask_about(text: str, problem: str = "") -> PlanQuestion:
    """The question about a plan."""
    question = "Shall the code be written by this plan? It can be approved, edited or rejected."
    text = text or "(There is no plan: the offline model has no recipe for this.)"
    return PlanQuestion(question=question, plan=text, problem=problem)


def read_answer(given: Any) -> PlanAnswer | str:  # noqa: ANN401  # whatever a client sends
    """A person's answer, or in one sentence what is wrong with it.

    Besides a `PlanAnswer` in JSON, plain words such as `approve` or `no` are taken, for forms that send text.
    """
    if isinstance(given, bool):
        given = "yes" if given else "no"
    try:
        if isinstance(given, str):
            return _from_words(given) or PlanAnswer.model_validate_json(given)
        return PlanAnswer.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "it"
        return f"The answer cannot be used: {place}: {first['msg'].removeprefix('Value error, ')}. {_CHOICES}"


def _from_words(text: str) -> PlanAnswer | None:
    """What plain words mean; a reason may follow a `no:`."""
    word, _, rest = text.strip().partition(":")
    if word.strip().lower() in _YES and not rest.strip():
        return PlanAnswer(decision="approve")
    if word.strip().lower() in _NO:
        return PlanAnswer(decision="reject", reason=rest.strip()[:2000])
    return None
