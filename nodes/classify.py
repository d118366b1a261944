"""Open the turn: take the request, reset the scratch, decide route and task. Calls no model."""

import re
from collections.abc import Sequence
from typing import ClassVar

from langchain_core.messages import AnyMessage
from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from nodes.context import AUTH_USER, Context, Route, Task
from nodes.cost import FREE, Cost
from nodes.ends import StopReason
from nodes.finished import last_answer, left_behind
from nodes.limits import Spending, TurnLimits
from nodes.material import Material, material, problem_with_code, words_of
from nodes.result import BOUNDS, Bounds
from nodes.telling import asks, told
from nodes.toolbox import Toolbox, problem_with_tools
from nodes.turn import Request, Turn, fresh_turn
from nodes.waiting import can_wait
from sandbox import SourceFile, TestsError, check_tests
from sandbox.examples import examples_in

MAX_REQUEST_CHARS = 200_000
"""The longest request that is taken, in characters: some 50,000 tokens, a quarter of a large window."""

MAX_TESTS_CHARS = 200_000

_MAKE = (
    r"\b(?:writ|creat|implement|build|mak|cod|develop|generat|program|refactor|rewrit|add(?!ress)|fix|port|convert"
    r"|give|need)\w*"
)
_THING = (
    r"\b(?:functions?|func|class(?:es)?|methods?|modules?|packages?|library|scripts?|program|code|snippet|decorator|generator"
    r"|iterator|context manager|parser|algorithm|regex|cli|dataclass|validator|python|unit ?tests?"
    r"|implementation)\b"
)
_RULES: tuple[tuple[Task, str], ...] = (
    (
        "code_review",
        r"\b(?:review|critique|audit)\b.*\b(?:code|function|class|diff|script)\b|```.*\breview\b",
    ),
    (
        "explanation",
        r"^\W*(?:explain|describe|what(?:.s| is| are| does)|why|how (?:do|does|is|are|can)|teach)\b",
    ),
    (
        "planning",
        r"^\W*(?:plan|outline|design|draft|organi[sz]e|schedule|roadmap)\b|\bstep[- ]by[- ]step plan\b",
    ),
    ("code_generation", rf"{_MAKE}.*{_THING}|^\W*implement\b"),
    ("problem_solving", r"\b(?:solve|calculate|compute|how (?:many|much|long|far)|prove|find the)\b"),
)
_OPENING = re.compile(
    r"^\W*(?:(?:please|now|and|also|ok(?:ay)?|great|thanks?|thank you|then|so|but"
    r"|(?:can|could|would|will) you)\W+)+"
)
"""Words before the verb that say nothing about the task."""

_FOLLOW_UP = re.compile(
    r"^\W*(?:add|change|make|rename|fix|handle|support|use|remove|update|refactor|extend|improve|replace|rewrite"
    r"|simplify|optimi[sz]e|instead|it (?:should|must|needs)"
    r"|(?:the|this) (?:function|class|code) (?:should|must))\b"
)

_REVIEW = re.compile(
    r"\b(?:review|critique|audit|look over|proof-?read"
    r"|(?:find|spot|any|see|are there|check for)\b[^.?!]{0,30}"
    r"\b(?:bugs?|problems?|mistakes?|issues?|errors?|faults?|flaws?|vulnerabilit(?:y|ies))"
    r"|what(?:.s| is) wrong|is (?:this|it|that)(?: code)? (?:ok|okay|right|correct|good|safe|fine))\b"
)
"""Words that ask for a review, where there is code."""

_REVIEW_IT = re.compile(
    r"^\W*(?:review|critique|audit)\b.*\b(?:it|this|that|your|the)\b|^\W*(?:review|critique|audit)\W*$"
)


_TYPED = re.compile(
    r"\b(?:pass\w*|clean|satisf\w+|check\w*|accepted|valid|run)\s+(?:\w+\s+){0,3}(?:`\s*)?mypy\b"
    r"|\bmypy[- ](?:clean|compliant|compatible|checked)\b|\bpass\w*\s+(?:\w+\s+){0,2}type[- ]?check",
    re.IGNORECASE,
)

_CANNOT_WAIT = (
    "A plan can only wait for approval where the turn is kept: compile the graph with a checkpointer, or "
    "switch plan_approval off."
)


class Classify:
    """The first node. The same text in the same session gets the same decision."""

    cost: ClassVar[Cost] = FREE

    def __init__(
        self,
        limits: TurnLimits | None = None,
        *,
        types: bool = False,
        has_memory: bool = True,
        toolbox: Toolbox | None = None,
    ) -> None:
        self._limits = limits or TurnLimits()
        self._types = types
        self._has_memory = has_memory
        self._toolbox = toolbox

    async def __call__(self, state: Turn, runtime: Runtime[Context], config: RunnableConfig) -> Turn:
        """Copy what the caller chose into the state, so that a resumed turn knows it too."""
        # None when the caller chose nothing, and of another type inside another graph.
        given: object = runtime.context
        context = given if isinstance(given, Context) else Context()
        text = last_request(state.get("messages", []))
        before = state.get("solution", [])
        code = material(text, context.code) or _meant(text, before)
        base = code.files if context.code else before if _follows(text) else []
        task = context.task or self._knowledge(text, context, has_code=bool(code), has_worked=bool(before))
        task = task or _task(text, context, has_code=bool(code), follows_code=bool(base))
        route = _route(task, code)
        turn = fresh_turn() | learning(state, config)
        turn["spending"] = Spending(first_step=_first_step(state, config))
        limits = limits_of(self._limits, context)
        turn["files"] = code.files if route == "review" else []
        turn["request"] = Request(
            text=text,
            tests=context.tests,
            examples=examples_in(text) if route == "code" else "",
            types=self._wants_types(text, context),
            task=task,
            route=route,
            limits=limits,
            reasoning_model=context.reasoning_model,
            coding_model=context.coding_model,
            base=base if route == "code" else [],
            attached=code.files if route == "review" or context.code else [],
            diff=code.diff if route == "review" or context.code else "",
            unrunnable=code.unrunnable,
            user=str(config.get("configurable", {}).get(AUTH_USER) or context.user_id or ""),
            archives=context.archives,
            memory=context.memory is not False,
            tools=context.tools,
        )
        bounds = config.get("configurable", {}).get(BOUNDS)
        if isinstance(bounds, Bounds) and (note := unmetered(bounds, limits)):
            turn["notes"] = [note]
            runtime.stream_writer({"note": note})
        problem = problem_with(text, context.tests, context.code)
        if problem := problem or problem_with_tools(self._toolbox, context.tools):
            turn |= Turn(stop_reason=StopReason.INVALID_REQUEST, answer=problem)
        elif route == "code" and limits.plan_approval and not can_wait(config):
            turn |= Turn(stop_reason=StopReason.INVALID_REQUEST, answer=_CANNOT_WAIT)
        return turn

    def _knowledge(self, text: str, context: Context, *, has_code: bool, has_worked: bool) -> Task | None:
        """What is told or asked about memory, by whole sentences; nobody asks where there is none."""
        if has_code or context.tests.strip():
            return None
        if told(text, at_work=has_worked):
            return "knowledge_store"
        return (
            "knowledge_retrieve" if self._has_memory and context.memory is not False and asks(text) else None
        )

    def _wants_types(self, text: str, context: Context) -> bool:
        """Whether the code must pass the type checker: as the caller says, or as asked or configured."""
        if context.verify_types is not None:
            return context.verify_types
        return self._types or _TYPED.search(text[:MAX_REQUEST_CHARS]) is not None


def learning(state: Turn, config: RunnableConfig) -> Turn:
    """The turns before that nobody handed to the queue; a session that is new to it begins here."""
    thread = str(config.get("configurable", {}).get("thread_id") or "")
    kept = Turn() if "learned" in state else Turn(learned=last_answer(state.get("messages", [])))
    return Turn(owed=left_behind(state, thread)) | kept


def unmetered(bounds: Bounds, limits: TurnLimits) -> str:
    """What the caller should know before the turn about a money limit that cannot hold; or nothing."""
    if limits.max_cost_usd is None or not bounds.unpriced:
        return ""
    return (
        f"The money limit does not cover {', '.join(bounds.unpriced)}: the price is unknown; "
        "limit tokens or model calls as well."
    )


def _first_step(state: Turn, config: RunnableConfig) -> int:
    """LangGraph's number of this run's first step, also when nodes of the user's own ran before this one."""
    step: int = config.get("metadata", {}).get("langgraph_step", 1)
    left, limit = state.get("remaining_steps"), config.get("recursion_limit")
    return step if left is None or limit is None else step - max(0, limit - 1 - left)


def limits_of(limits: TurnLimits, context: Context) -> TurnLimits:
    """The installation's limits with those in their place that the caller chose for this run."""
    chosen = {
        name: getattr(context, name) for name in TurnLimits.model_fields if name in Context.model_fields
    }
    if context.tools is not None and not context.tools:
        chosen["has_tools"] = False
    return limits.model_copy(update={name: value for name, value in chosen.items() if value is not None})


def last_request(messages: list[AnyMessage]) -> str:
    """The text of the newest message if a person wrote it, else nothing."""
    return str(messages[-1].text).strip() if messages and messages[-1].type == "human" else ""


def problem_with(text: str, tests: str, code: Sequence[SourceFile] = ()) -> str | None:
    """Why a request cannot be taken, in one sentence that says what to do; None when it can.

    Args:
        text: The request.
        tests: The user's tests, or nothing.
        code: Files that came with it.
    """
    if not text.strip():
        return (
            "The request is empty: say what you want, for example «Write a function that reverses a string»."
        )
    for what, value, limit in (("request", text, MAX_REQUEST_CHARS), ("tests", tests, MAX_TESTS_CHARS)):
        if len(value) > limit:
            return f"The {what} has {len(value):,} characters and the limit is {limit:,}: shorten it."
    try:
        if tests.strip():
            check_tests(tests, name="tests")
    except TestsError as error:
        return str(error)
    return problem_with_code(code)


def _plain(text: str) -> str:
    """The beginning of a request in lower case, from its verb on."""
    return _OPENING.sub("", text[:2000].lower())


def _follows(text: str) -> bool:
    """Whether a request only makes sense as a change of what was there before."""
    return _FOLLOW_UP.match(_plain(text)) is not None


def _meant(text: str, before: list[SourceFile]) -> Material:
    """The files of the turn before, where the request is to review them."""
    return Material(before if _REVIEW_IT.search(_plain(text)) else [])


def _route(task: Task, code: Material) -> Route:
    """A review needs code to look at; without any it is a question like others."""
    if task in ("knowledge_store", "knowledge_retrieve"):
        return "knowledge"
    if task == "code_generation":
        return "code"
    return "review" if task == "code_review" and code else "answer"


def _task(text: str, context: Context, *, has_code: bool, follows_code: bool) -> Task:
    """Decide by rules in order; the first that matches wins."""
    if has_code and _REVIEW.search(words_of(text).lower()) and not _follows(text):
        return "code_review"
    if context.tests.strip():
        return "code_generation"
    plain = _plain(text)
    found: Task = next((task for task, rule in _RULES if re.search(rule, plain, re.DOTALL)), "general")
    if context.code and found == "general" and not _follows(text):
        return "code_review"
    return "code_generation" if follows_code and found in {"general", "problem_solving"} else found
