"""In what manner a question is put to a model: the arguments of one call, made for each backend."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from providers.backend import Loading, Sampling, Timeouts
from providers.protocol import NoToolsError

if TYPE_CHECKING:
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.runnables import Runnable

    from providers.backend import Backend
    from providers.failover.attempt import Attempt

Means = Literal["json_schema", "json_mode", "tool", "prompt"]
"""How an answer is held to a form, the surest first; words alone are left when a server refuses the rest."""

MOST_REFUSALS = len(get_args(Means)) - 1
"""How many requests a server can refuse because of the means, before it is asked by words alone."""


@dataclass(frozen=True, slots=True)
class Form:
    """The form that an answer must have.

    Attributes:
        name: What it is called.
        schema: As a JSON schema.
        without: Means that the server has refused.
    """

    name: str
    schema: dict[str, Any]
    without: frozenset[Means] = frozenset()

    def means(self, backend: Backend) -> Means:
        """Say which of its means a backend can hold an answer to the form with; the first is the surest."""
        has: dict[Means, bool] = {
            "json_schema": backend.json_schema is not None,
            "json_mode": backend.json_mode is not None,
            "tool": _takes_tools(backend.chat),
        }
        return next((means for means in has if has[means] and means not in self.without), "prompt")

    def options(self, backend: Backend) -> dict[str, Any]:
        """Give the call's arguments; the words that ask for the form stand in the messages."""
        means = self.means(backend)
        if means == "json_schema" and backend.json_schema is not None:
            return backend.json_schema(self.schema)
        return dict(backend.json_mode or {}) if means == "json_mode" else {}

    @property
    def tool(self) -> dict[str, Any]:
        """The form as a tool whose arguments are the answer."""
        told = {"name": self.name, "description": "Gives the answer.", "parameters": self.schema}
        return {"type": "function", "function": told}


@dataclass(frozen=True, slots=True)
class Manner:
    """How one question is asked, whichever model of the chain is asked it.

    Attributes:
        timeouts: For each attempt.
        sampling: How tokens are picked.
        loading: How a server of yours holds the model.
        max_tokens: Tokens after which a model is told to stop, beside the turn's own limit.
        tools: What the model may call, in any form that LangChain's `bind_tools` takes.
        form: The form that the answer must have.
        needs_tools: Whether a model that takes no tools fails; else it is asked without them.
    """

    timeouts: Timeouts = field(default_factory=Timeouts)
    sampling: Sampling = field(default_factory=Sampling)
    loading: Loading = field(default_factory=Loading)
    max_tokens: int | None = None
    tools: tuple[Any, ...] = ()
    form: Form | None = None
    needs_tools: bool = True

    def goes_without(self, backend: Backend) -> bool:
        """Tell whether a model is asked without the tools that are offered, because it takes none."""
        return bool(self.tools) and not self.needs_tools and not _takes_tools(backend.chat)

    def model(self, backend: Backend) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind the tools to one model; a wrapper around several would lose them.

        Raises:
            NoToolsError: When it takes none and must.
        """
        if self.tools and not self.goes_without(backend):
            if not _takes_tools(backend.chat):
                raise NoToolsError("it takes no tools; use another model.")
            return backend.chat.bind_tools(list(self.tools))
        if self.form is None or self.form.means(backend) != "tool":
            return backend.chat
        try:
            return backend.chat.bind_tools([self.form.tool], tool_choice=self.form.name)
        except (TypeError, ValueError):
            # Not every model can be made to call one.
            return backend.chat.bind_tools([self.form.tool])

    def options(self, backend: Backend, attempt: Attempt) -> dict[str, Any]:
        """Give the call's arguments, and note in the attempt whether the model was told the turn's limit."""
        limits: dict[str, Any] = {}
        left, own = attempt.output_limit, self.max_tokens
        if left is not None and (own is None or left <= own):
            limits = backend.output_limit(left) if backend.output_limit else {}
            attempt.told = bool(limits)
        if not limits and own is not None:
            say = backend.max_tokens or backend.output_limit
            limits = say(own) if say else {}
        attempt.means = self.form.means(backend) if self.form else None
        sampling = backend.sampling(self.sampling) if backend.sampling else {}
        loading = backend.loading(self.loading) if backend.loading else {}
        return limits | sampling | loading | (self.form.options(backend) if self.form else {})


def _takes_tools(chat: BaseChatModel) -> bool:
    from langchain_core.language_models.chat_models import BaseChatModel  # noqa: PLC0415 - heavy

    return type(chat).bind_tools is not BaseChatModel.bind_tools
