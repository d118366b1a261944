"""Open the turn: take the request, reset the scratch, decide route and task."""

import re
from collections.abc import Sequence
from dataclasses import replace

from langchain_core.messages import AnyMessage
from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from nodes.asking import facts_of
from nodes.cascade import Cascade
from nodes.context import AUTH_USER, Context, Route, Task
from nodes.cost import Cost
from nodes.decisions import Asked, Decision, RoutingLedger, noted
from nodes.ends import StopReason
from nodes.finished import last_answer, left_behind
from nodes.limits import Spending, TurnLimits, allowance, lent
from nodes.material import Material, material, problem_with_code, words_of
from nodes.result import BOUNDS, Bounds
from nodes.tool_notes import dropped_calls
from nodes.toolbox import Toolbox, problem_with_tools
from nodes.turn import Request, Turn, fresh_turn
from nodes.waiting import can_wait
from providers.protocol import Models
from routing.classifier import Classifier
from sandbox import SourceFile, TestsError, check_tests
from sandbox.examples import examples_in

MAX_REQUEST_CHARS = 200_000
"""The longest request that is taken, in characters: some 50,000 tokens, a quarter of a large window."""

MAX_TESTS_CHARS = 200_000

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

    def __init__(  # noqa: PLR0913  # each may be left out
        self,
        limits: TurnLimits | None = None,
        *,
        cascade: Cascade | None = None,
        types: bool = False,
        has_memory: bool = True,
        user: str = "",
        ledger: RoutingLedger | None = None,
        toolbox: Toolbox | None = None,
        models: Models | None = None,
    ) -> None:
        self._limits = limits or TurnLimits()
        self._cascade = cascade or Cascade(Classifier.load())
        self._types = types
        self._has_memory = has_memory
        self._user = user
        self._ledger = ledger or RoutingLedger()
        self._toolbox = toolbox
        self._models = models

    @property
    def cost(self) -> Cost:
        """What deciding may take."""
        return self._cascade.cost

    async def __call__(self, state: Turn, runtime: Runtime[Context], config: RunnableConfig) -> Turn:
        """Copy what the caller chose into the state, so that a resumed turn knows it too."""
        # None when the caller chose nothing, and of another type inside another graph.
        given: object = runtime.context
        context = given if isinstance(given, Context) else Context()
        text = last_request(state.get("messages", []))
        before = state.get("solution", [])
        code, base, asked = look(text, context, before)
        user = str(config.get("configurable", {}).get(AUTH_USER) or context.user_id or "")
        turn = fresh_turn() | learning(state, config) | Turn(dropped=dropped_calls(state))
        spending = turn["spending"] = Spending(first_step=_first_step(state, config))
        limits = limits_of(self._limits, context)
        decision = Decision()
        problem = problem_with(text, context.tests, context.code)
        if not (problem := problem or problem_with_tools(self._toolbox, context.tools)):
            asked = replace(
                asked,
                uses_memory=self._has_memory and context.memory is not False,
                user=user or self._user,
                allowance=allowance(limits, spending, []),
                decided=state.get("decided", []),
            )
            decision = await self._decided(asked, turn)
        route = _route(decision.task, code)
        limits = await self._with_lent(limits, route, context)
        turn["files"] = code.files if route == "review" else []
        turn["request"] = Request(
            text=text,
            tests=context.tests,
            examples=examples_in(text) if route == "code" else "",
            types=self._wants_types(text, context),
            task=decision.task,
            route=route,
            limits=limits,
            reasoning_model=context.reasoning_model,
            coding_model=context.coding_model,
            base=base if route == "code" else [],
            attached=code.files if route == "review" or context.code else [],
            diff=code.diff if route == "review" or context.code else "",
            unrunnable=code.unrunnable,
            user=user,
            archives=context.archives,
            memory=context.memory is not False,
            decision=decision,
            tools=context.tools,
        )
        bounds = config.get("configurable", {}).get(BOUNDS)
        if isinstance(bounds, Bounds) and (note := unmetered(bounds, limits)):
            turn["notes"] = [note]
        for said in filter(None, (turn["dropped"], *turn["notes"])):
            runtime.stream_writer({"note": said})
        if problem:
            turn |= Turn(stop_reason=StopReason.INVALID_REQUEST, answer=problem)
        elif route == "code" and limits.plan_approval and not can_wait(config):
            turn |= Turn(stop_reason=StopReason.INVALID_REQUEST, answer=_CANNOT_WAIT)
        return turn

    async def _decided(self, asked: Asked, turn: Turn) -> Decision:
        """Decide, count it, and let the session remember it."""
        decision, calls = await self._cascade.decide(asked)
        self._ledger.record(decision)
        turn["calls"] = calls
        if decision.tier not in {"caller", "session"}:
            turn["decided"] = [noted(asked.key, decision)]
        return decision

    async def _with_lent(self, limits: TurnLimits, route: Route, context: Context) -> TurnLimits:
        """The limits with room for a specialist's tools, where the chain can call any."""
        if not limits.lends_tools or limits.has_tools or route != "answer" or self._models is None:
            return limits
        facts = await facts_of(self._models, "reasoning", context.reasoning_model)
        return lent(limits, facts) if facts else limits

    def _wants_types(self, text: str, context: Context) -> bool:
        """Whether the code must pass the type checker: as the caller says, or as asked or configured."""
        if context.verify_types is not None:
            return context.verify_types
        return self._types or _TYPED.search(text[:MAX_REQUEST_CHARS]) is not None


def look(text: str, context: Context, before: list[SourceFile]) -> tuple[Material, list[SourceFile], Asked]:
    """The code that a request is about, the files that new code starts from, and what a decision looks at.

    Args:
        text: What the user wrote.
        context: What the caller chose.
        before: The files of the turn before that had any.
    """
    code = material(text, context.code) or _meant(text, before)
    base = code.files if context.code else before if _follows(text) else []
    asked = Asked(
        text=text,
        task=context.task,
        has_code=bool(code),
        has_diff=bool(code.diff),
        has_tests=bool(context.tests.strip()),
        is_review=bool(code) and _REVIEW.search(words_of(text).lower()) is not None,
        is_change=bool(base) and _follows(text),
        brings_code=bool(context.code),
        at_work=bool(before),
        chain=context.reasoning_model,
    )
    return code, base, asked


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
        chosen["has_tools"] = chosen["lends_tools"] = False
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
