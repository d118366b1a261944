"""Ctrl-C and termination of the running command line; these need Linux's /proc."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.processes import PATIENCE_S, alive, descendants, handles_signals, wait_for
from tests.serving.commandline import CommandLine, finish
from tests.support import ASK, GOOD, PLAN

if TYPE_CHECKING:
    from tests.serving.commandline import Process

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

THREAD = "walk-on"
ENDLESS = "```python solution.py\nwhile True:\n    pass\n```"
SLOW = {"content": PLAN, "delay_s": 600}


def read_until(process: Process, words: bytes) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    pytest.fail(f"{words!r} never came")


@pytest.mark.parametrize(
    "delay_s", [0.0, 0.3, *(pytest.param(delay_s, marks=pytest.mark.slow) for delay_s in (0.1, 0.6, 1.0))]
)
def test_ctrl_c_while_starting_ends_in_one_line(new_interpreter: CommandLine, delay_s: float) -> None:
    cli = new_interpreter
    process = cli.start("ask", ASK, "--thread", THREAD, env=cli.models([SLOW]))
    wait_for(lambda: handles_signals(process.pid), "the signal handlers")
    time.sleep(delay_s)
    os.killpg(process.pid, signal.SIGINT)
    done = finish(process)
    assert (done.code, done.out) == (130, "")
    assert "Traceback" not in done.err
    assert done.err.splitlines()[-1].startswith("duograph: interrupted")


AT_IMPORT = """
import os, signal, sys
class Finder:
    def find_spec(self, name, *_):
        if name == "serving.cli":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
import duograph
sys.argv[1:] = ["--version"]
duograph.main()
"""


@pytest.mark.parametrize(("ignored", "code"), [(False, -signal.SIGINT), (True, 0)])
def test_ctrl_c_before_anything_of_ours_is_imported_shows_no_traceback(
    tmp_path: Path, *, ignored: bool, code: int
) -> None:
    """Ignored, as in a shell's background, it does not end the process."""
    first = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" if ignored else ""
    done = subprocess.run(
        [sys.executable, "-c", first + AT_IMPORT], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (code, "")


SWALLOWED = """
import os, signal, sys
class Finder:
    def find_spec(self, name, *_):
        if name == "serving.bounds":
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except BaseException as error:
                raise RuntimeError("no schema can be built") from error
sys.meta_path.insert(0, Finder())
import duograph
sys.argv[1:] = ["bounds", "--json"]
duograph.main()
"""


def test_an_interrupt_that_a_library_turns_into_an_error_is_one_still(tmp_path: Path) -> None:
    """As pydantic does, which meets it while it builds a validator."""
    done = subprocess.run(
        [sys.executable, "-c", SWALLOWED], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (130, "duograph: interrupted\n")
    assert json.loads(done.stdout)["error"]["type"] == "Interrupted"


def test_ctrl_c_during_a_model_call_leaves_a_session_to_go_on_with(cli: CommandLine) -> None:
    process = cli.start("ask", ASK, "--thread", THREAD, "--json", env=cli.models([SLOW]))
    read_until(process, b"reason")
    os.killpg(process.pid, signal.SIGINT)
    done = finish(process)
    assert done.code == 130
    assert done.json["error"]["type"] == "Interrupted"
    assert done.err.splitlines()[-1] == f"duograph: interrupted; go on with: duograph resume {THREAD}"
    assert [summary["thread_id"] for summary in cli.run("sessions", "list", "--json").json] == [THREAD]
    models = cli.models([{"content": PLAN}, {"content": "VERDICT: PASS"}], [{"content": GOOD}])
    assert cli.run("resume", THREAD, env=models).code == 0
    shown = cli.run("sessions", "show", THREAD, "--json").json
    assert (shown["status"], shown["turns"]) == ("done", 1)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_a_run_in_the_sandbox_leaves_no_process(
    cli: CommandLine, number: signal.Signals, code: int
) -> None:
    models = cli.models([{"content": PLAN}], [{"content": ENDLESS}])
    process = cli.start("ask", ASK, env=models | {"DUOGRAPH_VERIFY_TIMEOUT_S": "300"})
    read_until(process, b"verify: compile")
    wait_for(lambda: bool(descendants(process.pid)), "the sandbox")
    time.sleep(0.3)
    below = descendants(process.pid)
    os.kill(process.pid, number)
    done = finish(process)
    assert done.code == code
    assert done.err.splitlines()[-1].startswith("duograph: interrupted; go on with:")
    wait_for(lambda: not any(map(alive, below)), "the sandbox's end")
    assert list(Path(cli.folder, "scratch").iterdir()) == []


def test_many_ctrl_c_at_once_do_not_break_the_clean_up(cli: CommandLine) -> None:
    cli.write("endless.py", "while True:\n    pass\n")
    process = cli.start("verify", "--code", "endless.py", env={"DUOGRAPH_VERIFY_TIMEOUT_S": "300"})
    wait_for(lambda: bool(descendants(process.pid)), "the sandbox")
    time.sleep(0.3)
    below = descendants(process.pid)
    with contextlib.suppress(ProcessLookupError):  # it may be gone before the last one
        for _ in range(5):
            os.killpg(process.pid, signal.SIGINT)
    done = finish(process)
    assert done.code == 130
    assert "Traceback" not in done.err
    wait_for(lambda: not any(map(alive, below)), "the sandbox's end")


def test_ctrl_c_ends_jsonl_while_it_waits_for_a_line(cli: CommandLine) -> None:
    process = cli.start("verify", "--jsonl")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b'{"id": 1, "code": "x = 1"}\n')
    process.stdin.flush()
    assert b'"id":1' in process.stdout.readline()  # streamed, though the input goes on
    os.killpg(process.pid, signal.SIGINT)
    process.wait(timeout=PATIENCE_S)
    assert process.returncode == 130
