"""What a call through our failover costs beside the bare LangChain model, on one loopback server, in one run.

The server is another process, so processor time is that of the client alone. The exit code is 1 when a target
is missed by the clock and by the processor time: where others use the machine, the clock alone says little.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda
from pydantic import SecretStr

from benchmarks.loopback import ANSWER, loopback
from benchmarks.measure import arguments
from providers import BreakerRule, Breakers, Retries, Role, RoleModels

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI

ASK = [HumanMessage("What is a monad?")]
WHOLE = "".join(ANSWER)
AT_ONCE = 200
"""Calls at the same time."""
DEAD = "http://127.0.0.1:9/v1"
"""A port on which nobody listens."""
BARE, BARE_CLOSE, OURS = "bare ChatOpenAI", "bare, a connection each", "ours"
OPEN = "ours, breaker open"
Call = Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Side:
    """One side's figures, in milliseconds; what it adds is the median of the differences, turn by turn."""

    name: str
    median_ms: float
    p95_ms: float
    first_token_ms: float
    cpu_ms: float
    ratio: float
    adds_ms: float
    adds_first_ms: float
    adds_cpu_ms: float


@dataclass(frozen=True, slots=True)
class Target:
    """One promise in milliseconds, and what this run saw of it by the clock and in processor time."""

    name: str
    seen: float
    cpu: float
    target: float

    @property
    def met(self) -> bool:
        """Whether it was kept."""
        return min(self.seen, self.cpu) <= self.target


class FirstToken(AsyncCallbackHandler):
    """Notes when the first token with content came."""

    run_inline = True

    def __init__(self) -> None:
        self.at = 0.0

    async def on_llm_new_token(self, token: object, **_: Any) -> None:  # noqa: ANN401 - LangChain's signature
        """Note the time once."""
        if token and not self.at:
            self.at = time.perf_counter()


def bare(url: str, *, model: str = "answer", close: bool = False) -> "ChatOpenAI":
    """The stock model, as anyone would make it, but for retries."""
    from langchain_openai import ChatOpenAI  # noqa: PLC0415 - heavy

    headers = {"Connection": "close"} if close else None
    return ChatOpenAI(
        model=model, base_url=url, api_key=SecretStr("none"), max_retries=0, stream_usage=True,
        default_headers=headers,
    )  # fmt: skip


def streamed(chat: Any) -> Call:  # noqa: ANN401 - a model, or one with fallbacks
    """A call that streams an answer and puts it together, as our own does."""

    async def call() -> str:
        return "".join([str(chunk.text) async for chunk in chat.astream(ASK)])

    return call


def through(models: RoleModels, chain: str | None = None) -> Call:
    """A call through our failover."""

    async def call() -> str:
        return (await models.reply("reasoning", ASK, step="answer", chain=chain)).text

    return call


async def timed(call: Call) -> tuple[float, float, float]:
    """Milliseconds until the first token and until the end, and of processor time."""
    first = FirstToken()

    async def inside(_: object) -> str:
        return await call()

    start, used = time.perf_counter(), time.process_time()
    # Within a runnable both sides inherit the callback, as in a node of a graph.
    text = await RunnableLambda(inside).ainvoke(None, {"callbacks": [first]})
    end, used = time.perf_counter(), time.process_time() - used
    if text != WHOLE:
        raise RuntimeError(f"the answer was {text!r}")
    return (first.at - start) * 1000, (end - start) * 1000, used * 1000


async def compare(sides: Mapping[str, Call], repeat: int) -> dict[str, Side]:
    """Time the sides turn by turn; the first is the peer."""
    times: dict[str, list[tuple[float, float, float]]] = {name: [] for name in sides}
    for call in sides.values():
        for _ in range(3):
            await timed(call)
    for _ in range(repeat):
        for name, call in sides.items():
            times[name].append(await timed(call))
    peer = next(iter(times.values()))
    return {name: _side(name, took, peer) for name, took in times.items()}


def _side(name: str, took: list[tuple[float, float, float]], peer: list[tuple[float, float, float]]) -> Side:
    first, end, cpu = (statistics.median(each) for each in zip(*took, strict=True))
    pairs = [[a - b for a, b in zip(mine, its, strict=True)] for mine, its in zip(took, peer, strict=True)]
    adds_first, adds, adds_cpu = (statistics.median(each) for each in zip(*pairs, strict=True))
    p95 = sorted(each[1] for each in took)[int(0.95 * (len(took) - 1))]
    base = statistics.median(each[1] for each in peer)
    figures = (end, p95, first, cpu, end / base, adds, adds_first, adds_cpu)
    return Side(name, *(round(figure, 2) for figure in figures))


async def crowd(call: Call) -> float:
    """Milliseconds for many calls at once."""
    start = time.perf_counter()
    texts = await asyncio.gather(*(call() for _ in range(AT_ONCE)))
    if set(texts) != {WHOLE}:
        raise RuntimeError(f"the answers were {set(texts)}")
    return round((time.perf_counter() - start) * 1000, 1)


async def failover(url: str, repeat: int) -> dict[str, Side]:
    """A call whose first model is dead, by who asks and whether the breaker is open."""
    chain: dict[Role, str] = {"reasoning": f"openai:answer@{DEAD},openai:answer@{url}"}

    async def made(**options: Any) -> RoleModels:  # noqa: ANN401 - as RoleModels takes them
        models = await asyncio.to_thread(RoleModels, chain, **options)
        await models.reply(
            "reasoning", ASK, step="answer", chain=f"openai:answer@{url}"
        )  # the client is loaded
        return models

    never = BreakerRule(failures=10**9)
    plain = await made(breakers=Breakers(never))
    once = await made(breakers=Breakers(never), retries=Retries(tries=1))
    opened = await made(retries=Retries(tries=1))
    for _ in range(BreakerRule().failures):
        await opened.reply("reasoning", ASK, step="answer")
    alone = await made()
    peer = bare(DEAD).with_fallbacks([bare(url)])
    sides = {
        "ours, no dead model": through(alone, f"openai:answer@{url}"),
        "with_fallbacks, no retries": streamed(peer),
        "ours, closed, one try": through(once),
        OPEN: through(opened),
    }
    waiting = {"ours, closed, two tries": through(plain)}
    return await compare(sides, repeat) | await compare(waiting, max(3, repeat // 20))


@dataclass(frozen=True, slots=True)
class Figures:
    """All that one run saw."""

    sides: dict[str, Side]
    crowds: dict[str, float]
    failover: dict[str, Side]

    def targets(self) -> list[Target]:
        """Hold the figures against what the project promises on loopback."""
        ours, opened = self.sides[OURS], self.failover[OPEN]
        return [
            Target("a call adds", ours.adds_ms, ours.adds_cpu_ms, 1),
            Target("the first token comes later by", ours.adds_first_ms, ours.adds_cpu_ms, 2),
            Target("an open breaker adds", opened.adds_ms, opened.adds_cpu_ms, 5),
        ]


async def measure(url: str, repeat: int) -> Figures:
    """Take all figures."""
    models = await asyncio.to_thread(RoleModels, {"reasoning": f"openai:answer@{url}"})
    calls = {BARE: streamed(bare(url)), BARE_CLOSE: streamed(bare(url, close=True)), OURS: through(models)}
    sides = await compare(calls, repeat)
    crowds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(3):
        for name, call in calls.items():
            crowds[name].append(await crowd(call))
    dead = await failover(url, repeat)
    await models.aclose()
    return Figures(sides, {name: statistics.median(took) for name, took in crowds.items()}, dead)


def show(title: str, sides: Mapping[str, Side]) -> None:
    """Print a comparison."""
    print(f"{title:32} median ms   p95 ms  first token ms  cpu ms  ratio")
    for side in sides.values():
        print(
            f"{side.name:32} {side.median_ms:9} {side.p95_ms:8} {side.first_token_ms:15} "
            f"{side.cpu_ms:7} {side.ratio:6}"
        )
    print()


def main() -> None:
    """Measure and print."""
    options = arguments("Calls through failover.", repeat=200)
    with loopback() as address:
        figures = asyncio.run(measure(address.url, options.repeat))
    targets = figures.targets()
    if options.json:
        print(
            json.dumps(asdict(figures) | {"targets": [asdict(each) | {"met": each.met} for each in targets]})
        )
    else:
        show("one call", figures.sides)
        base = figures.crowds[BARE]
        print(f"{f'{AT_ONCE} calls at once':32} median ms  ratio")
        for name, took in figures.crowds.items():
            print(f"{name:32} {took:9} {took / base:6.2f}")
        print()
        show("the first model is dead", figures.failover)
        print(f"{'':32} clock ms   cpu ms  at most")
        for each in targets:
            kept = "met" if each.met else "missed"
            print(f"{each.name:32} {each.seen:8} {each.cpu:8} {each.target:8}  {kept}")
    sys.exit(not all(each.met for each in targets))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
