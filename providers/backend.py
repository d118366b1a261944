"""What a backend is: one row of the table in `providers.registry`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from providers.mlx.sharing import EngineShare
from providers.prices import Rate, always

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from langchain_core.language_models.chat_models import BaseChatModel
    from pydantic import SecretStr

    from providers.backends.script import ScriptShelf


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model of a chain; `str(spec)` is the string that `parse_spec` reads.

    Attributes:
        provider: A name in `providers.registry.PROVIDERS`.
        model: The model id, the file for `scripted`, or empty for `offline`.
        base_url: Where the server is, its address or its region, or None for the provider's own place.
    """

    provider: str
    model: str = ""
    base_url: str | None = None

    def __str__(self) -> str:
        """Return `provider:model@BASE_URL` without the parts that are absent."""
        text = f"{self.provider}:{self.model}" if self.model else self.provider
        return f"{text}@{self.base_url}" if self.base_url else text


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a model picks its tokens; None leaves it to the server.

    Attributes:
        temperature: 0 to 2.
        top_p: Above 0, to 1.
        frequency_penalty: -2 to 2.
        presence_penalty: -2 to 2.
    """

    temperature: float | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None


@dataclass(frozen=True, slots=True)
class Loading:
    """How a server of yours holds a model; None leaves it to the server.

    Attributes:
        keep_alive: How long it stays in memory after a call: a duration such as `10m`, or seconds.
        num_ctx: Its context window in tokens.
    """

    keep_alive: str | int | None = None
    num_ctx: int | None = None


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long an attempt may take, in seconds. A longer one than `total_s` counts as `total_s`.

    Attributes:
        connect_s: Until the connection stands; the backend's client keeps to it.
        first_token_s: From the request to the first piece with content; thinking counts, connecting too.
        stall_s: Between one piece and the next.
        total_s: The whole attempt.
    """

    connect_s: float = 10.0
    first_token_s: float = 60.0
    stall_s: float = 30.0
    total_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Wiring:
    """What every backend may be built from, besides its spec.

    Attributes:
        scripts: The cursors of `scripted:` files, shared by all models of one `RoleModels`.
        keys: API keys by provider name; a missing one is looked up in the environment.
        timeouts: How long one attempt may take.
        engines: What one `RoleModels` holds of the MLX models in this process.
        local_only: Whether nothing may leave this machine, not even the question for credentials.
    """

    scripts: ScriptShelf
    keys: Mapping[str, SecretStr] = field(default_factory=dict)
    timeouts: Timeouts = Timeouts()
    engines: EngineShare = field(default_factory=EngineShare)
    local_only: bool = False


@dataclass(frozen=True, slots=True)
class Backend:
    """A chat model that is ready to be asked.

    Attributes:
        chat: The model.
        aclose: Lets go of its connections.
        output_limit: Gives the call's arguments that tell the model to stop after so many tokens; none when
            it cannot take the number, then only what streams back is counted.
        max_tokens: Gives those for a limit that a person set, who knows the model; by default `output_limit`.
        sampling: Gives the call's arguments for how to pick tokens, without those it cannot take.
        loading: Gives those for how the server holds the model, or None when it cannot be told.
        json_schema: Gives the call's arguments that hold the answer to a JSON schema, or None without them.
        json_mode: The call's arguments that make the answer JSON of any shape, or None without such a mode.
        context_tokens: Asks the server for the context window in force; None when it does not say.
    """

    chat: BaseChatModel
    aclose: Callable[[], Awaitable[None]] | None = None
    output_limit: Callable[[int], dict[str, Any]] | None = None
    max_tokens: Callable[[int], dict[str, Any]] | None = None
    sampling: Callable[[Sampling], dict[str, Any]] | None = None
    loading: Callable[[Loading], dict[str, Any]] | None = None
    json_schema: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    json_mode: Mapping[str, Any] | None = None
    context_tokens: Callable[[], Awaitable[int | None]] | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """Where a model's requests go, for messages and for `RoleModels.describe`.

    Attributes:
        url: The address in force, or None when the model runs in this process.
        source: The environment variable that set it, or empty.
        key: The secret sent along, so that it can be kept out of messages.
    """

    url: str | None = None
    source: str = ""
    key: SecretStr | None = None


def _in_process(_spec: ModelSpec, _wiring: Wiring) -> Server:
    return Server()


def _unknown_price(_spec: ModelSpec, _wiring: Wiring) -> Rate:
    return always(None)


def _yes(_spec: ModelSpec, _wiring: Wiring) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Provider:
    """One kind of backend.

    Attributes:
        syntax: How its model string is written, such as `openai:MODEL[@BASE_URL]`.
        model: Whether a model part follows the colon: a name, a file path, or nothing.
        build: Makes the chat model; may import heavy packages, runs off the event loop.
        check: Raises `ModelConfigError` when the spec cannot work here; imports nothing heavy.
        server: Tells where requests will go.
        price: Tells what the model costs; the first look may load a table, but never asks the network.
        base_url: Whether `@BASE_URL` may follow the model.
        region: Whether a region's name may stand in its place.
        extra: The extra of duograph that brings its packages, or empty.
        key_variable: The environment variable that holds the API key, named in advice.
        end_marks: Keys of `response_metadata` of which every complete answer has one; an answer
            without any was cut off. Empty when the backend cannot be cut off silently.
        takes_tools: Tells whether a model may call tools, as far as is known without asking it.
        routes: Tells whether a model can say what a request is.
    """

    syntax: str
    model: Literal["name", "file", "none"]
    build: Callable[[ModelSpec, Wiring], Backend]
    check: Callable[[ModelSpec, Wiring], None]
    server: Callable[[ModelSpec, Wiring], Server] = _in_process
    price: Callable[[ModelSpec, Wiring], Rate] = _unknown_price
    base_url: bool = False
    region: bool = False
    extra: str = ""
    key_variable: str = ""
    end_marks: tuple[str, ...] = ()
    takes_tools: Callable[[ModelSpec, Wiring], bool] = _yes
    routes: Callable[[ModelSpec, Wiring], bool] = _yes
