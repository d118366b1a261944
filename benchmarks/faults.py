"""How faults of a server end, for each API: ours, and LangChain's `with_fallbacks` beside it.

`--write` puts the table into docs/providers.md; without it the table is printed, and the exit code is 1 when
the page shows another one.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import HumanMessage
from pydantic import SecretStr

from benchmarks.fault_server import APIS, FaultServer, serving
from benchmarks.loopback import ANSWER, FAULTS
from providers import ModelsFailedError, RoleModels, Timeouts

PAGE = Path(__file__).resolve().parents[1] / "docs" / "providers.md"
BEGIN, END = "<!-- faults: benchmarks/faults.py -->\n", "<!-- end of faults -->"
WHOLE = "".join(ANSWER)
TIMEOUT_S = 2.0
"""Seconds that either side is told to wait for a connection and for each piece."""
PATIENCE_S = 12.0
"""Seconds after which nobody waits any longer for either side to end."""
AT_ONCE = 3
"""Faults that one side meets at the same time; with more, a busy machine spends the timeouts itself."""
BROKEN = "\0"
"""Ends what was given when an error followed."""
Side = Callable[[str, FaultServer], Awaitable[str]]
ASK = [HumanMessage("hi")]
PEERS = {"openai": "`ChatOpenAI` `with_fallbacks`", "anthropic": "`ChatAnthropic` `with_fallbacks`"}
"""What stands beside ours, by API."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one side came out of a fault, with a good model behind the faulty one.

    Attributes:
        passed: Whether it gave the whole answer and nothing else.
        what: What it gave.
        requests: Requests to the faulty model.
    """

    passed: bool
    what: str
    requests: int

    def __str__(self) -> str:
        """One cell of the table."""
        return f"{'✓' if self.passed else '✗'} {self.what} ({self.requests})"


async def ours(fault: str, server: FaultServer) -> str:
    """Ask our chain of the faulty model and a good one."""
    timeouts = Timeouts(
        connect_s=TIMEOUT_S, first_token_s=TIMEOUT_S, stall_s=TIMEOUT_S, total_s=3 * TIMEOUT_S
    )
    chain = server.chain(fault, _backup(fault))
    models = await asyncio.to_thread(
        RoleModels, {"reasoning": chain}, api_keys=server.keys(), timeouts=timeouts
    )
    try:
        return (await models.reply("reasoning", ASK, step="answer")).text
    finally:
        await models.aclose()


async def peers(fault: str, server: FaultServer) -> str:
    """Ask the same of LangChain's client with its own retries and `with_fallbacks`, streamed."""
    make = {"openai": _chat_openai, "anthropic": _chat_anthropic}[server.api]
    text = ""
    try:
        both = make(fault, server.base_url).with_fallbacks([make(_backup(fault), server.base_url)])
        async for chunk in both.astream(ASK):
            text += str(chunk.text)
    except Exception:  # noqa: BLE001 - whatever it raises is what its caller gets
        return f"{text}{BROKEN}"
    return text


def _chat_openai(model: str, url: str) -> BaseChatModel:
    from langchain_openai import ChatOpenAI  # noqa: PLC0415 - heavy

    return ChatOpenAI(model=model, base_url=url, api_key=SecretStr("none"), timeout=TIMEOUT_S)


def _chat_anthropic(model: str, url: str) -> BaseChatModel:
    from langchain_anthropic import ChatAnthropic  # noqa: PLC0415 - heavy

    return ChatAnthropic(model=model, base_url=url, api_key=SecretStr("none"), timeout=TIMEOUT_S, stop=None)


def _backup(fault: str) -> str:
    """The good model, by a name that tells for whom it stepped in."""
    return f"answer-{fault}"


async def play(side: Side, fault: str, server: FaultServer) -> str | None:
    """Let one side meet one fault; None when it does not end."""
    try:
        return await asyncio.wait_for(side(fault, server), PATIENCE_S)
    except TimeoutError:
        return None
    except ModelsFailedError:
        return BROKEN


def judge(fault: str, got: str | None, counts: Mapping[str, int]) -> Outcome:
    """Say in words what came of a fault."""
    requests, stepped_in = counts.get(fault, 0), _backup(fault) in counts
    if got is None:
        return Outcome(passed=False, what=f"has not ended after {PATIENCE_S:g} s", requests=requests)
    if got == WHOLE:
        return Outcome(
            passed=True, what=f"{'the backup' if stepped_in else 'the model'} answers", requests=requests
        )
    if got.endswith(BROKEN):
        part = got.removesuffix(BROKEN)
        asked = "" if stepped_in else ", and the backup is not asked"
        return Outcome(
            passed=False, what=f"{f'`{part}`, then ' if part else ''}an error{asked}", requests=requests
        )
    return Outcome(passed=False, what=f"`{got}`", requests=requests)


async def meet(side: Side, api: str) -> dict[str, Outcome]:
    """Let one side meet every fault, some at once, on a server of its own."""
    # Clients that are loaded and made meanwhile would take the time that the timeouts count.
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(fault: str, server: FaultServer) -> str | None:
        async with turn:
            return await play(side, fault, server)

    with serving(api) as server:
        await side("warm", server)
        found = await asyncio.gather(*(one(fault, server) for fault in FAULTS))
        counts = server.counts()
    return {fault: judge(fault, got, counts) for fault, got in zip(FAULTS, found, strict=True)}


def measure() -> dict[str, dict[str, Outcome]]:
    """The outcome of each fault, by the title of its column."""
    columns = {api: asyncio.run(meet(ours, api)) for api in APIS}
    return columns | {title: asyncio.run(meet(peers, api)) for api, title in PEERS.items()}


def table(columns: Mapping[str, Mapping[str, Outcome]]) -> str:
    """The outcomes in Markdown."""
    rows = [
        f"| {words} | {' | '.join(str(found[fault]) for found in columns.values())} |"
        for fault, words in FAULTS.items()
    ]
    return "\n".join([f"| fault | {' | '.join(columns)} |", "|---|" + "---|" * len(columns), *rows]) + "\n"


def shown(page: str) -> str:
    """The table that the page shows."""
    return page.partition(BEGIN)[2].partition(END)[0]


def main() -> None:
    """Print the table, or write it into the page."""
    parser = argparse.ArgumentParser(description="How faults of a server end.")
    parser.add_argument("--write", action="store_true", help="put the table into docs/providers.md")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    columns = measure()
    new, page = table(columns), PAGE.read_text(encoding="utf-8")
    if options.write:
        head, _, rest = page.partition(BEGIN)
        PAGE.write_text(head + BEGIN + new + END + rest.partition(END)[2], encoding="utf-8")
        return
    found = {title: {fault: asdict(each) for fault, each in one.items()} for title, one in columns.items()}
    print(json.dumps(found) if options.json else new)
    sys.exit(new != shown(page))


if __name__ == "__main__":
    main()
