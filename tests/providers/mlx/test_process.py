"""What holds for whole processes: how they end, and how many files they may open."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    "how", ["forgotten", "in the middle", *(["closed"] if os.environ.get("EVERY_PAIR") else [])]
)
def test_a_process_ends_without_an_abort(how: str, trained_model: Path, tmp_path: Path) -> None:
    script = tmp_path / "ends.py"
    script.write_text(ENDS.format(model=trained_model))
    # Without the engine's last act, about half of such processes abort.
    done = subprocess.run([sys.executable, script, how], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_limit_of_open_files_survives_where_it_is_low(trained_model: Path, tmp_path: Path) -> None:
    script = tmp_path / "ends.py"
    script.write_text(ENDS.format(model=trained_model))
    command = f"ulimit -n 512; exec {sys.executable} {script} closed"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Hello! How can I help you?\n"
