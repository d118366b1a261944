"""Programs and kernels that end between an answer and its insight: the next one learns it, once."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from graph.agent import Agent
from graph.services import Services
from graph.settings import Settings
from memory.queue import open_jobs
from memory.queue.sql import SqlJobs
from memory.records import Item, Selection
from memory.sql import open_memory
from tests.support import Lines

pytestmark = pytest.mark.slow

Script = Callable[[str, Lines], str]
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60
LEASE_S = 31.0
SAID = {"insights": [{"text": "LEARNED this.", "confidence": 0.8}], "patterns": []}
CELL = """
import sys
sys.path.insert(0, {root!r})
from duograph import Agent, Settings
agent = Agent(Settings(home={home!r}, solo_model={solo!r}, background_model={background!r}))
"""
PROGRAM = """
import asyncio

async def main():
    print((await agent.aask("What is a monad?")).answer, flush=True)
    {work}

asyncio.run(main())
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def cell(home: Path, script: Script) -> Callable[[Lines], str]:
    """The beginning of a program: an agent that learns with a model that replies so."""
    solo = script("solo", [{"content": "An answer.", "repeat": True}])

    def write(background: Lines) -> str:
        chain = script(f"background{len(background)}", background)
        return CELL.format(root=str(ROOT), home=str(home), solo=solo, background=chain)

    return write


HANGS: Lines = [{"content": "{}", "delay_s": 600}]
TEACHES: Lines = [{"content": json.dumps(SAID), "repeat": True}] * 2


async def waiting(home: Path, *, running: bool) -> None:
    """Wait until the turn's job is there, or at work."""
    jobs = open_jobs(home / "sessions.sqlite")
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await jobs.counts()) or (running and "running" not in found):  # noqa: ASYNC110  # of another process
            await asyncio.sleep(0.01)
    await jobs.aclose()


async def kept(home: Path) -> list[Item]:
    """The insights, when each job is done."""
    jobs, memory = open_jobs(home / "sessions.sqlite"), open_memory(home / "sessions.sqlite")
    assert set(await jobs.counts()) == {"done"}
    items = list(await memory.list("default", Selection(kinds=("insight",))))
    await jobs.aclose()
    await memory.aclose()
    return items


def learn(home: Path, script: Script) -> None:
    """Do what is left, as an agent does that is started half a minute later; all of it is learned once."""
    settings = Settings(home=home, background_model=script("next", TEACHES))
    services = Services.from_settings(settings, remembers=True)
    later = SqlJobs(home / "sessions.sqlite", clock=lambda: time.time() + LEASE_S)
    with Agent(settings, services=replace(services, jobs=later)) as agent:
        assert agent.drain(PATIENCE_S)
    (insight,) = asyncio.run(kept(home))
    assert (insight.record.text, len(insight.origins)) == ("LEARNED this.", 1)


@pytest.mark.parametrize("end", ["asyncio.run", "SIGTERM", "SIGKILL"])
def test_what_a_program_leaves_at_its_end_is_learned_by_the_next_one(
    end: str, home: Path, cell: Callable[[Lines], str], script: Script
) -> None:
    program = cell(HANGS) + PROGRAM.format(work="await asyncio.sleep(600)" if end.startswith("SIG") else "")
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "An answer.\n"
            asyncio.run(waiting(home, running=end.startswith("SIG")))
            if end.startswith("SIG"):
                process.send_signal(signal.Signals[end])
            _, errors = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert (process.returncode, errors) == (-signal.Signals[end] if end.startswith("SIG") else 0, "")
    learn(home, script)


@pytest.fixture
def kernel() -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    manager = KernelManager()
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    try:
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def printed(client: BlockingKernelClient, code: str) -> str:
    """Run a cell, and give what it printed."""
    client.wait_for_ready(timeout=PATIENCE_S)
    said: list[str] = []
    reply = client.execute_interactive(
        code, timeout=PATIENCE_S, output_hook=lambda message: said.append(message["content"].get("text", ""))
    )
    assert reply["content"]["status"] == "ok", reply
    return "".join(said)


@pytest.mark.parametrize("now", [0, 1], ids=["asked to end", "killed"])
def test_a_kernel_restarted_before_the_insight_loses_nothing(
    now: int,
    home: Path,
    cell: Callable[[Lines], str],
    script: Script,
    kernel: tuple[KernelManager, BlockingKernelClient],
) -> None:
    manager, client = kernel
    assert "An answer." in printed(client, cell(HANGS) + "print(agent.ask('What is a monad?').answer)")
    asyncio.run(waiting(home, running=True))
    manager.restart_kernel(now=bool(now))
    if now:
        learn(home, script)  # the lease of a kernel that was killed lasts half a minute
    else:
        assert "True" in printed(client, cell(TEACHES) + "print(agent.drain(20))\nagent.close()")
    (insight,) = asyncio.run(kept(home))
    assert (insight.record.text, len(insight.origins)) == ("LEARNED this.", 1)


def test_a_closing_agent_whose_worker_hangs_ends_within_its_bound(home: Path, script: Script) -> None:
    solo = script("solo", [{"content": "An answer."}])
    background = script("background", HANGS)
    agent = Agent(Settings(home=home, solo_model=solo, background_model=background, enrichment_drain_s=0.1))
    agent.ask("What is a monad?")
    asyncio.run(waiting(home, running=True))
    closing = threading.Thread(target=agent.close, daemon=True)
    closing.start()
    closing.join(PATIENCE_S)
    assert not closing.is_alive()
    learn(home, script)
