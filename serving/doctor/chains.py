"""The checks of each role's models: configured, reachable, there, and with `--live` answering."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from langchain_core.messages import HumanMessage

from graph.services import Services
from providers import (
    Allowance,
    LimitReachedError,
    ModelConfigError,
    ModelsFailedError,
    parse_chain,
)
from providers.backend import Wiring
from providers.backends.probe import Look, look_at
from providers.backends.script import ScriptShelf
from providers.catalogue import retirement_notes
from providers.registry import PROVIDERS
from serving.doctor.finding import Finding, Status

if TYPE_CHECKING:
    from pydantic import SecretStr

    from graph.settings import Settings
    from providers import Call, ModelSpec, Role
    from providers.backends.bedrock_credentials import Credentials

LIVE_S = 60.0
"""Seconds that one model may take to answer."""

_QUESTION = "Answer with the one word: ready"
_ROOM = 2000


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
    """Looks at models, each once, however many roles name it.

    Attributes:
        settings: Chains and keys.
        live: Whether to ask each model.
    """

    settings: Settings
    live: bool
    _tasks: dict[ModelSpec, asyncio.Task[Seen]] = field(default_factory=dict)

    async def see(self, role: Role) -> Finding:
        """Look at every model of a role's chain."""
        try:
            specs = parse_chain(self.settings.chains()[role])
        except ModelConfigError as error:
            return Finding(role, "fail", str(error), f"Mend DUOGRAPH_{role.upper()}_MODEL.")
        seen = await asyncio.gather(*(self._once(spec) for spec in specs))
        notes = retirement_notes(specs, datetime.now(UTC).date())
        detail = ", then ".join(f"{spec}: {one.said}" for spec, one in zip(specs, seen, strict=True))
        tips = [one.advice for one in seen if one.advice] + [f"{note}." for note in notes]
        return Finding(role, _status(seen, noted=bool(notes)), detail, " ".join(dict.fromkeys(tips)))

    async def _once(self, spec: ModelSpec) -> Seen:
        if spec not in self._tasks:
            self._tasks[spec] = asyncio.create_task(self._look(spec))
        # One role that gives up must not take the look from the others.
        return await asyncio.shield(self._tasks[spec])

    async def _look(self, spec: ModelSpec) -> Seen:
        wiring = Wiring(scripts=ScriptShelf(), keys=self._keys())
        try:
            look = await look_at(spec, wiring)
        except ModelConfigError as error:
            return Seen("fail", "cannot be used", str(error), blocks=True)
        seen = describe(look)
        if not self.live:
            return seen
        answered, how = await self._ask(spec)
        if answered:
            return Seen("ok", f"{seen.said}; {how}")
        return Seen("fail", f"{seen.said}; did not answer", seen.advice or how)

    def _keys(self) -> dict[str, SecretStr]:
        openai = self.settings.openai_api_key
        return ({"openai": openai} if openai else {}) | dict(getattr(self.settings, "api_keys", {}))

    async def _ask(self, spec: ModelSpec) -> tuple[bool, str]:
        """Ask one model one word, and say how long that took."""
        chains = {f"{role}_model": str(spec) for role in self.settings.chains()}
        settings = self.settings.model_copy(
            update=chains | {"model_timeout_s": min(LIVE_S, self.settings.model_timeout_s)}
        )
        models = (await asyncio.to_thread(Services.from_settings, settings)).models
        try:
            reply = await models.reply(
                "reasoning",
                [HumanMessage(_QUESTION)],
                step="answer",
                allowance=Allowance(attempts=1, output_tokens=_ROOM, seconds=LIVE_S),
            )
        except LimitReachedError:
            return True, f"was still answering after {_ROOM} tokens or {LIVE_S:g} s"
        except ModelsFailedError as error:
            return False, str(error)
        finally:
            await models.aclose()
        return True, _measured(reply.calls[-1])


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


def _measured(call: Call) -> str:
    first = "" if call.first_token_s is None else f", first token after {call.first_token_s:.1f} s"
    about = "about " if call.tokens_estimated else ""
    tokens = f"{about}{call.input_tokens or 0} tokens in, {call.output_tokens or 0} out"
    cost = "" if call.cost_usd is None else f", {call.cost_usd:.6g} USD"
    return f"answered in {call.latency_s:.1f} s{first}, {tokens}{cost}"
