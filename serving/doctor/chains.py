"""The checks of each role's models: configured, reachable, there, and with `--live` answering."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from graph.services import embedding_models
from providers import ModelConfigError, RoleParameters, parse_chain
from providers.backend import Wiring
from providers.backends.probe import Look, look_at
from providers.backends.script import ScriptShelf
from providers.catalogue import retirement_notes
from providers.keys import given_keys
from providers.place import check_prefer, preference_of, preferred
from providers.registry import PROVIDERS
from serving.doctor.asking import LIVE_S, Answered, ask, embed
from serving.doctor.finding import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Sequence

    from graph.settings import Settings
    from providers import ModelSpec, Role
    from providers.backends.bedrock_credentials import Credentials

__all__ = ["LIVE_S", "Models", "Seen", "describe"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one model.

    Attributes:
        status: As of a finding.
        said: What was seen.
        advice: What to do.
        blocks: Whether no turn can even begin with it in a chain.
    """

    status: Status
    said: str
    advice: str = ""
    blocks: bool = False


@dataclass(slots=True)
class Models:
    """Looks at models, each once, however many roles name it; what a turn would not ask is left alone.

    Attributes:
        settings: Chains, keys, the preference and what each role asks with.
        live: Whether to ask each model.
    """

    settings: Settings
    live: bool
    _tasks: dict[Hashable, asyncio.Task[Any]] = field(default_factory=dict)

    async def see(self, role: Role) -> Finding:
        """Look at every model of a role's chain that a turn would ask."""
        variable = f"DUOGRAPH_{role.upper()}_MODEL"
        if self.settings.solo_model is not None and role != "background":
            variable = "DUOGRAPH_SOLO_MODEL"
        try:
            specs = await asyncio.to_thread(self._specs, role)
        except ModelConfigError as error:
            return _refused(role, error, variable)
        parameters = self.settings.roles.get(role, RoleParameters())
        return await self._finding(
            role,
            specs,
            look=lambda spec: look_at(spec, self._wiring()),
            question=lambda spec: ask(self.settings, spec, parameters),
            asked_with=parameters,
        )

    async def see_embedding(self) -> Finding:
        """Look at every model of the embedding role's chain."""
        try:
            specs = (await asyncio.to_thread(embedding_models, self.settings)).specs
        except ModelConfigError as error:
            return _refused("embedding", error, "DUOGRAPH_EMBEDDING_MODEL")
        return await self._finding(
            "embedding",
            specs,
            look=lambda spec: look_at(spec, self._wiring(), check=False),
            question=lambda spec: embed(self.settings, spec),
            asked_with="embedding",
        )

    def _specs(self, role: Role) -> tuple[ModelSpec, ...]:
        """The models that a turn would ask, in its order.

        Raises:
            ModelConfigError: When the chain is malformed, or the preference forbids it.
        """
        chain, wiring = self.settings.chains()[role], self._wiring()
        prefer = preference_of(role, chain, check_prefer(self.settings.prefer))
        specs = parse_chain(chain)
        return preferred(specs, prefer, lambda spec: PROVIDERS[spec.provider].server(spec, wiring))

    async def _finding(
        self,
        name: str,
        specs: Sequence[ModelSpec],
        *,
        look: Callable[[ModelSpec], Awaitable[Look]],
        question: Callable[[ModelSpec], Awaitable[Answered]],
        asked_with: Hashable,
    ) -> Finding:
        async def one(spec: ModelSpec) -> Seen:
            seen = await self._once((spec, name == "embedding"), lambda: _looked(look(spec)))
            if not self.live or seen.blocks:
                return seen
            # Each role may ask a model in another way, and a model may refuse one of them.
            answered = await self._once((spec, asked_with), lambda: question(spec))
            if answered.blocks:
                return Seen("fail", "cannot be used", answered.said, blocks=True)
            if answered.well:
                return Seen("ok", f"{seen.said}; {answered.said}")
            return Seen("fail", f"{seen.said}; did not answer", f"{answered.said} {seen.advice}".strip())

        seen = await asyncio.gather(*map(one, specs))
        notes = retirement_notes(specs, datetime.now(UTC).date())
        detail = ", then ".join(f"{spec}: {one.said}" for spec, one in zip(specs, seen, strict=True))
        tips = [one.advice for one in seen if one.advice] + [f"{note}." for note in notes]
        return Finding(name, _status(seen, noted=bool(notes)), detail, " ".join(dict.fromkeys(tips)))

    async def _once(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        async def run() -> T:
            return await work()

        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(run())
        # One role that gives up must not take the look from the others.
        found: T = await asyncio.shield(self._tasks[key])
        return found

    def _wiring(self) -> Wiring:
        keys = given_keys(self.settings.api_keys, self.settings.openai_api_key)
        return Wiring(scripts=ScriptShelf(), keys=keys)


def _refused(name: str, error: ModelConfigError, variable: str) -> Finding:
    mend = f"{variable} or DUOGRAPH_PREFER" if "prefer is" in str(error) else variable
    return Finding(name, "fail", str(error), f"Mend {mend}.")


async def _looked(look: Awaitable[Look]) -> Seen:
    try:
        return describe(await look)
    except ModelConfigError as error:
        return Seen("fail", "cannot be used", str(error), blocks=True)


def _status(seen: list[Seen], *, noted: bool) -> Status:
    """The status of a chain: another model stands in for one that is away, not for one set up wrongly."""
    if any(one.blocks for one in seen) or all(one.status == "fail" for one in seen):
        return "fail"
    return "warn" if noted or any(one.status != "ok" for one in seen) else "ok"


def describe(look: Look) -> Seen:
    """Say what a look showed."""
    spec = look.spec
    at = f"{look.url}{f' (from {look.source})' if look.source else ''}"
    key = "with a key" if look.has_key else "without a key"
    if look.credentials is not None:
        key = _signed(look.credentials)
    if look.sight == "in_process":
        return Seen("ok", "runs in this process")
    if look.sight == "listed":
        return Seen("ok", f"there, at {at}, {key}, {look.seconds:.1f} s")
    if look.sight == "reached":
        problem = look.credentials.problem if look.credentials else ""
        said = f"{at} answers, {key}; it does not list its models"
        return Seen("fail" if problem else "ok", said, f"{spec}: {problem}" if problem else "")
    if look.sight == "unlisted":
        near = f"did you mean {' or '.join(look.near)}?" if look.near else "check its name, or pull it there."
        return Seen("warn", f"{at} answers, {key}, and does not list this model", f"{spec}: {near}")
    if look.sight == "refused":
        variable = PROVIDERS[spec.provider].key_variable or "its key"
        return Seen("fail", f"{at} refuses the request, {key}", f"{spec}: check {variable}.")
    tip = f"{spec}: start that server, or check the network and the address."
    return Seen("fail", f"{at} cannot be reached ({look.problem})", tip)


def _signed(credentials: Credentials) -> str:
    until = f" until {credentials.expires:%Y-%m-%d %H:%M} UTC" if credentials.expires else ""
    return (
        f"with credentials from {credentials.source}{until}" if credentials.source else "without credentials"
    )
