"""What holds for whole processes: how they end, how many files they may open, and mlx-lm's own server."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from langchain_core.messages import HumanMessage
from pydantic import SecretStr

from providers import RoleModels

pytestmark = pytest.mark.slow

ENDS = """
import asyncio, resource, sys
from langchain_core.messages import HumanMessage
from providers import RoleModels

async def main(how):
    models = RoleModels({{"reasoning": "mlx:{model}"}})
    if how == "in the middle":
        asking = asyncio.create_task(models.reply("reasoning", [HumanMessage("zzz")], step="answer"))
        await asyncio.sleep(1.5)
        asking.cancel()
        return
    print((await models.reply("reasoning", [HumanMessage("Hello")], step="answer")).text)
    if how == "closed":
        await models.aclose()

files = resource.getrlimit(resource.RLIMIT_NOFILE)
try:
    asyncio.run(main(sys.argv[1]))
except asyncio.CancelledError:
    pass
assert resource.getrlimit(resource.RLIMIT_NOFILE) == files
"""


@pytest.mark.parametrize("how", ["closed", "forgotten", "in the middle"])
def test_a_process_ends_without_an_abort(how: str, trained_model: Path, tmp_path: Path) -> None:
    script = tmp_path / "ends.py"
    script.write_text(ENDS.format(model=trained_model))
    # Without the engine's last act, about half of such processes abort.
    for _ in range(4):
        done = subprocess.run([sys.executable, script, how], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_the_limit_of_open_files_survives_where_it_is_low(trained_model: Path, tmp_path: Path) -> None:
    script = tmp_path / "ends.py"
    script.write_text(ENDS.format(model=trained_model))
    command = f"ulimit -n 512; exec {sys.executable} {script} closed"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Hello! How can I help you?\n"


@pytest.fixture
def mlx_server(trained_model: Path) -> Iterator[str]:
    """mlx-lm's own server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlx_lm", "server", "--model", str(trained_model), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 60
    while process.poll() is None:
        try:
            httpx.get(f"{url}/health", timeout=1).raise_for_status()
            break
        except httpx.HTTPError:
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.1)
    yield f"{url}/v1"
    process.terminate()
    process.wait(30)


async def test_mlx_lms_own_server_answers_through_openai(mlx_server: str) -> None:
    models = RoleModels({"reasoning": f"openai:default_model@{mlx_server}"}, openai_api_key=SecretStr("none"))
    reply = await models.reply("reasoning", [HumanMessage("Hello")], step="answer")
    assert reply.text == "Hello! How can I help you?"
    assert reply.calls[0].output_tokens == 18
    await models.aclose()
