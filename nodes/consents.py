"""What a person is asked about calls that may change something, and what they may answer."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypedDict

from nodes.tool_calls import Wanted, canonical
from toolkit import AnyTool

MAX_REASON: Final = 2000
"""The longest reason that a person may give, in characters."""

_YES = {"approve", "approved", "yes", "y", "ok", "okay", "accept", "go"}
_ALWAYS = {"always", "always approve"}
_NO = {"reject", "rejected", "no", "n"}
OTHERS_WAIT: Final = "The answer cannot be used: other calls wait by now than those that were shown."
_CHOICES = 'Answer with {"decision": "approve"}, "always" or "reject", and with "calls" to decide on each.'


class AskedCall(TypedDict):
    """One call that a person is asked about, as it would be made.

    Attributes:
        id: Of the call.
        name: The tool.
        arguments: All of them.
        description: What the tool says that it does.
        source: Where the tool comes from: the server and the file that names it; `own` for a function of the
            program; for what is built in, its category.
    """

    id: str
    name: str
    arguments: dict[str, Any]
    description: str
    source: str


@final
class ConsentQuestion(TypedDict):
    """What a person is asked: the calls of one round, and what was wrong with the last answer."""

    question: str
    calls: list[AskedCall]
    problem: str


class CallAnswer(BaseModel):
    """What a person answers about one call.

    Attributes:
        decision: `approve`, `edit`, `reject`, or `always`: approve, and do not ask again in this session.
        arguments: For `edit`: all arguments, as the call shall be made.
        reason: For `reject`: why, as the model is told.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    decision: Literal["approve", "edit", "reject", "always"]
    arguments: dict[str, Any] | None = None
    reason: str = Field(default="", max_length=MAX_REASON)


class ConsentAnswer(BaseModel):
    """What a person answers about the calls of a round.

    Attributes:
        decision: What becomes of every call that `calls` does not name.
        reason: For `reject`: why, as the model is told.
        calls: The answers about single calls, by their ids.
        shown: Which calls the person was shown, as `shown_as` says it; the answer is not taken for others,
            which another process may have put in their place. Nothing is checked when it is empty.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    decision: Literal["approve", "reject", "always"] = "reject"
    reason: str = Field(default="", max_length=MAX_REASON)
    calls: dict[str, CallAnswer] = Field(default_factory=dict)
    shown: SkipJsonSchema[str] = ""

    def about(self, call: str) -> CallAnswer:
        """What becomes of one call."""
        return self.calls.get(call) or CallAnswer(decision=self.decision, reason=self.reason)


def ask_about_calls(
    wanted: Sequence[Wanted], tools: Mapping[str, AnyTool], problem: str = ""
) -> ConsentQuestion:
    """The question about the calls of a round."""
    calls = [
        AskedCall(
            id=one.id,
            name=one.name,
            arguments=one.arguments,
            description=tools[one.name].info.description if one.name in tools else "",
            source=_source_of(tools[one.name]) if one.name in tools else "",
        )
        for one in wanted
    ]
    question = "The model wants calls that may change something. Shall they be made?"
    return ConsentQuestion(question=question, calls=calls, problem=problem)


def shown_as(calls: Sequence[AskedCall]) -> str:
    """What names these calls as a person saw them: each with its id, its tool and all arguments."""
    said = canonical({"": [(one["id"], one["name"], one["arguments"], one["source"]) for one in calls]})
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _source_of(tool: AnyTool) -> str:
    return tool.info.source or tool.info.category


def read_consent(given: Any, wanted: Sequence[Wanted], tools: Mapping[str, AnyTool]) -> ConsentAnswer | str:  # noqa: ANN401  # whatever a client sends
    """A person's answer, or in one sentence what is wrong with it.

    Besides a `ConsentAnswer` in JSON, plain words such as `approve` or `no` are taken, for forms that send
    text.
    """
    if isinstance(given, bool):
        given = "yes" if given else "no"
    try:
        if isinstance(given, str):
            answer = _from_words(given) or ConsentAnswer.model_validate_json(given)
        else:
            answer = ConsentAnswer.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "it"
        return f"The answer cannot be used: {place}: {first['msg']}. {_CHOICES}"
    return _problem(answer, wanted, tools) or answer


def _problem(answer: ConsentAnswer, wanted: Sequence[Wanted], tools: Mapping[str, AnyTool]) -> str:
    known = {one.id: one for one in wanted}
    if answer.shown and answer.shown != shown_as(ask_about_calls(wanted, tools)["calls"]):
        return OTHERS_WAIT
    for name, about in answer.calls.items():
        if name not in known:
            return f"The answer cannot be used: there is no call {name!r}; there are {', '.join(known)}."
        if (about.decision == "edit") != (about.arguments is not None):
            return (
                f"The answer about {name} cannot be used: an edit brings `arguments`, and nothing else does."
            )
        tool = tools.get(known[name].name)
        if about.arguments is None or tool is None:
            continue
        try:
            tool.schema.model_validate(about.arguments)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"])) or "all"
            return f"The edited arguments of {name} cannot be used: {place}: {first['msg']}."
    return ""


def _from_words(text: str) -> ConsentAnswer | None:
    """What plain words mean; a reason may follow a `no:`."""
    word, _, rest = text.strip().partition(":")
    said = word.strip().lower()
    if said in _YES and not rest.strip():
        return ConsentAnswer(decision="approve")
    if said in _ALWAYS and not rest.strip():
        return ConsentAnswer(decision="always")
    if said in _NO:
        return ConsentAnswer(decision="reject", reason=rest.strip()[:MAX_REASON])
    return None
