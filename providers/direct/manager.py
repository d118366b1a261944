"""The roles for programs that want models and no graph: answers, plans, changes at run time, figures."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_args

from langchain_core.messages import HumanMessage, SystemMessage

from providers.closing import Closing
from providers.direct.arguments import to_messages, to_name, to_schema, to_texts, to_tools, to_updates
from providers.direct.loop_thread import LoopThread
from providers.direct.result import ModelResult
from providers.protocol import CallRole, ModelConfigError, ModelsFailedError, Role, Step
from providers.scrub import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

    from providers.answers.structured import Structured, T
    from providers.direct.arguments import Messages
    from providers.embedding import Embedded, EmbeddingModels
    from providers.ledger import Stats
    from providers.models import RoleModels

TASKS: Final[Mapping[str, tuple[Role, Step]]] = {
    "planning": ("reasoning", "plan"),
    "code_generation": ("coding", "code"),
    "code_review": ("reasoning", "review"),
    "problem_solving": ("reasoning", "answer"),
    "explanation": ("reasoning", "answer"),
    "general": ("reasoning", "answer"),
}
"""Who answers each kind of task, and as what."""

_PLAN = "Plan how to solve the task below in short numbered steps. Write no code: another model will."
_CODE = "Carry out the plan and give the whole result."


class Planned(NamedTuple):
    """What both roles made of one task.

    Attributes:
        plan: By the reasoning role.
        implementation: By the coding role, which was given the plan.
    """

    plan: ModelResult
    implementation: ModelResult


class RoleManager(Closing):
    """Asks the roles of a `RoleModels`; may be shared by threads and event loops."""

    def __init__(self, models: RoleModels, embeddings: EmbeddingModels) -> None:
        """Keep the models.

        Args:
            models: What answers; it is closed with the manager.
            embeddings: The embedding role, which shares the ledger of `models`; it is closed too.
        """
        self.models = models
        self.embeddings = embeddings
        self._thread = LoopThread()
        self._changing = threading.Lock()

    async def agenerate_response(
        self, messages: Messages, task_type: str | None = None, *, tools: Sequence[Any] = ()
    ) -> ModelResult:
        """Ask the role that a kind of task belongs to.

        Args:
            messages: A text, or messages in any form that LangChain takes.
            task_type: One of `TASKS`; `general` when left out.
            tools: What the model may call, in any form that LangChain's `bind_tools` takes.

        Raises:
            ValueError: When there is no such kind of task, or the messages or the tools are none.
            ModelsFailedError: When every model of the role's chain failed.
        """
        role, step = _task(task_type)
        return await self._ask(role, step, to_messages(messages), to_tools(tools))

    async def agenerate_with_planning(self, messages: Messages) -> Planned:
        """Let the reasoning role plan, and the coding role carry the plan out.

        Args:
            messages: The task: a text, or messages in any form that LangChain takes.

        Raises:
            ValueError: When the messages are none.
            ModelsFailedError: When every model of a role's chain failed, or the planning one declined.
        """
        task = to_messages(messages)
        plan = await self._ask("reasoning", "plan", _after_system(task, _PLAN))
        if plan.refusal:
            raise ModelsFailedError(f"The model declined to plan: {plan.refusal}", plan.metadata.attempts)
        # The thinking stays out: it is neither for the coder nor for the user.
        asked = _after_system(_with_plan(task, plan.text), _CODE)
        return Planned(plan, await self._ask("coding", "code", asked))

    async def agenerate_as(
        self, messages: Messages, schema: type[T], task_type: str | None = None
    ) -> Structured[T]:
        """Ask for an answer in a form; see `RoleModels.reply_as`.

        Raises:
            ValueError: When there is no such kind of task, or the messages or the schema are none.
            ModelsFailedError: When every model failed, or none gave such an answer.
        """
        role, step = _task(task_type)
        return await self.models.reply_as(role, to_messages(messages), to_schema(schema), step=step)

    async def aembed(self, texts: Sequence[str]) -> Embedded:
        """Turn texts into vectors by the embedding role.

        Raises:
            ValueError: When they are no list of texts.
            ModelsFailedError: When every model of its chain failed.
        """
        return await self.embeddings.embed(to_texts(texts))

    def update_model_config(self, role: CallRole, updates: Mapping[str, Any]) -> None:
        """Change a role from its next call on; calls that run keep what they began with.

        It may read files and load prices: on an event loop use `aupdate_model_config`.

        Args:
            role: Which one.
            updates: `model`, a chain of model strings, and the fields of `RoleParameters`, of which the
                embedding role has two timeouts; None takes a parameter back.

        Raises:
            ModelConfigError: When the role, a name or a value is wrong; nothing has changed then.
        """
        if role not in get_args(CallRole):
            raise ModelConfigError(
                f"Unknown role {quote(str(role))}; the roles are {', '.join(get_args(CallRole))}."
            )
        updates = to_updates(role, updates)
        parameters = {name: value for name, value in updates.items() if name != "model"}
        with self._changing:
            now = self.embeddings if role == "embedding" else self.models.config(role)
            chain = updates.get("model", ",".join(map(str, now.specs)))
            if not isinstance(chain, str):
                raise ModelConfigError(
                    f"The {role} role's model is {chain!r}; give a chain of model strings."
                )
            changed = now.parameters.updated(parameters, role)
            if role == "embedding":
                self.embeddings.configure(chain, changed)
            else:
                self.models.configure(role, chain, changed)

    async def aupdate_model_config(self, role: CallRole, updates: Mapping[str, Any]) -> None:
        """Change a role from its next call on; see `update_model_config`."""
        await asyncio.to_thread(self.update_model_config, role, updates)

    def get_stats(self) -> Stats:
        """Return what roles and models have used, and where the breakers stand."""
        stats = self.models.stats()
        return stats.model_copy(update={"breakers": self.embeddings.stats().breakers | stats.breakers})

    def generate_response(
        self, messages: Messages, task_type: str | None = None, *, tools: Sequence[Any] = ()
    ) -> ModelResult:
        """Ask the role that a kind of task belongs to; see `agenerate_response`."""
        return self._thread.run(self.agenerate_response(messages, task_type, tools=tools))

    def generate_with_planning(self, messages: Messages) -> Planned:
        """Let one role plan and the other carry it out; see `agenerate_with_planning`."""
        return self._thread.run(self.agenerate_with_planning(messages))

    def generate_as(self, messages: Messages, schema: type[T], task_type: str | None = None) -> Structured[T]:
        """Ask for an answer in a form; see `agenerate_as`."""
        return self._thread.run(self.agenerate_as(messages, schema, task_type))

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Turn texts into vectors; see `aembed`."""
        return self._thread.run(self.aembed(texts))

    def close(self) -> None:
        """Close the models' connections and the event loop of the sync calls."""
        # A call that runs shall end as one that was given up, not as one whose connection broke.
        self._thread.close(self._let_go)

    async def aclose(self) -> None:
        """Close everything; see `close`."""
        await asyncio.to_thread(self.close)

    async def _let_go(self) -> None:
        await self.models.aclose()
        await self.embeddings.aclose()

    async def _ask(
        self, role: Role, step: Step, messages: Sequence[BaseMessage], tools: Sequence[Any] = ()
    ) -> ModelResult:
        return ModelResult.of(
            await self.models.reply(role, messages, step=step, tools=tools, needs_tools=True)
        )


def _after_system(task: list[BaseMessage], words: str) -> list[BaseMessage]:
    """Put the words behind a system message of the caller's: many models take only one, and only first."""
    if task and isinstance(task[0], SystemMessage):
        return [SystemMessage(f"{task[0].text}\n\n{words}"), *task[1:]]
    return [SystemMessage(words), *task]


def _with_plan(task: list[BaseMessage], plan: str) -> list[BaseMessage]:
    """Show the plan with the request, in the form in which the graph's coder sees both."""
    shown = f"<plan>\n{plan}\n</plan>"
    if task and isinstance(task[-1], HumanMessage) and isinstance(task[-1].content, str):
        request = f"<request>\n{task[-1].content}\n</request>"
        return [*task[:-1], HumanMessage(f"{request}\n\n{shown}")]
    return [*task, HumanMessage(shown)]


def _task(name: object) -> tuple[Role, Step]:
    return TASKS[to_name("task type", "general" if name is None else name, tuple(TASKS))]
