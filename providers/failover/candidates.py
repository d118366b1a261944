"""How each model may be asked: its price, server, breaker and window, looked up once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from providers.catalogue import known_limits
from providers.facts import ChainFacts
from providers.failover.course import Candidate
from providers.failover.errors import Target
from providers.failover.per_loop import WINDOW_TIMEOUT_S
from providers.families import thinks
from providers.manner import MOST_REFUSALS
from providers.registry import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from providers.backend import ModelSpec, Server, Timeouts, Wiring
    from providers.failover.breaker import Breakers, State
    from providers.failover.retrying import Retries
    from providers.manner import Means


class Candidates:
    """Makes a `Candidate` of each spec; safe to share between threads."""

    def __init__(
        self,
        wiring: Wiring,
        retries: Retries,
        breakers: Breakers,
        context_tokens: Callable[[ModelSpec], int | None] | None,
    ) -> None:
        """Keep the rules; nothing is looked up yet.

        Args:
            wiring: What backends are built from.
            retries: How often a model is asked.
            breakers: Where each endpoint's breaker comes from.
            context_tokens: Tells a model's window; by default the catalogue does.
        """
        self._wiring = wiring
        self._retries = retries
        self._breakers = breakers
        self._context_tokens = context_tokens or _listed_window
        self._known: dict[ModelSpec, Candidate] = {}
        self._refused: dict[Hashable, set[Means]] = {}
        self._lacks: dict[Hashable, set[str]] = {}
        self._lock = threading.Lock()

    def has(self, spec: ModelSpec) -> bool:
        """Tell whether the spec was looked up already."""
        return spec in self._known

    def of(self, spec: ModelSpec) -> Candidate:
        """Say how a model may be asked; the first look may load a table, so make it off the event loop."""
        if (known := self._known.get(spec)) is not None:
            return known
        with self._lock:
            return self._known.setdefault(spec, self._make(spec))

    def states(self) -> dict[str, State]:
        """Return where the breaker of each model behind a server stands now."""
        with self._lock:
            known = list(self._known.values())
        return {each.name: each.breaker.state for each in known if each.breaker is not None}

    def server(self, spec: ModelSpec) -> Server:
        """Say where the model's requests go."""
        return PROVIDERS[spec.provider].server(spec, self._wiring)

    def target(self, spec: ModelSpec, timeouts: Timeouts) -> Target:
        """Say who is asked, for messages, which hold none of the keys that any model was given."""
        server = self.server(spec)
        keys = [*self._wiring.keys.values(), *([server.key] if server.key else [])]
        return Target(
            model=spec.model,
            url=server.url,
            key_variable=PROVIDERS[spec.provider].key_variable,
            timeout_s=timeouts.total_s,
            connect_s=min(timeouts.connect_s, timeouts.total_s),
            secrets=tuple(key.get_secret_value() for key in keys),
        )

    def facts(self, specs: Sequence[ModelSpec], total_s: float) -> ChainFacts:
        """Say what asking these models in order can cost at most, with so many seconds for one attempt."""
        candidates = list(map(self.of, specs))
        attempts = sum(candidate.tries for candidate in candidates)
        waits = (
            self._retries.most_s(has_backup=place + 1 < len(specs)) + WINDOW_TIMEOUT_S
            for place, candidate in enumerate(candidates)
            if candidate.is_remote
        )
        servers = sum(candidate.is_remote for candidate in candidates)
        # What is refused is found out once, and the second question begins with the model that answered.
        refusals = MOST_REFUSALS * servers
        return ChainFacts(
            attempts=attempts,
            seconds=attempts * total_s + sum(waits),
            prices=tuple(candidate.rate(None) for candidate in candidates),
            names=tuple(map(str, specs)),
            refusals=refusals,
            refusal_seconds=refusals * total_s,
            takes_tools=any(PROVIDERS[spec.provider].takes_tools(spec, self._wiring) for spec in specs),
            routes=PROVIDERS[specs[0].provider].routes(specs[0], self._wiring),
            thinks=thinks(specs[0].model),
            tool_refusals=servers,
        )

    def _make(self, spec: ModelSpec) -> Candidate:
        row, target = PROVIDERS[spec.provider], self.target(spec, self._wiring.timeouts)
        # What runs in this process has no server that could be ill or busy for a moment.
        is_remote = target.url is not None
        endpoint = (spec.provider, target.server, spec.model)
        return Candidate(
            spec,
            rate=row.price(spec, self._wiring),
            target=target,
            address=address_of(spec, self.server(spec)),
            is_remote=is_remote,
            tries=self._retries.tries if is_remote else 1,
            breaker=self._breakers.of(endpoint) if is_remote else None,
            window=self._context_tokens(spec),
            end_marks=row.end_marks,
            refused=self._refused.setdefault(endpoint, set()),
            lacks=self._lacks.setdefault(endpoint, set()),
        )


def address_of(spec: ModelSpec, server: Server) -> str:
    """Say where the server is, when that is not the provider's own place."""
    if spec.base_url or not server.source:
        return spec.base_url or ""
    # A model string with a password in it is refused, but nobody has looked at the variable's.
    parts = urlsplit(server.url or "")
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _listed_window(spec: ModelSpec) -> int | None:
    """The catalogue's word on models at their makers'; a server of one's own may have set less."""
    # A region of Bedrock stands where others have an address, and is no server of one's own.
    if "://" in (spec.base_url or "") or spec.provider == "ollama":
        return None
    limits = known_limits(spec.provider, spec.model)
    return None if limits is None else limits.context_tokens
