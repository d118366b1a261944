"""What a solution and its tests do in a bare Python, without any of Duograph: the judge of the judge."""

import json
import signal
import subprocess
import sys
import tempfile
from typing import Literal

Verdict = Literal["passed", "failed", "endless"]

CPU_S = 2
"""A candidate that computes longer counts as endless and is not used: the ladder would wait for its limit."""

PATIENCE_S = 10.0
"""The same for one that sleeps."""

_RUN = f"""
import asyncio, inspect, json, os, resource, sys, types
try:
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
except (ValueError, OSError):  # macOS has no such limit
    pass
resource.setrlimit(resource.RLIMIT_CPU, ({CPU_S}, {CPU_S}))
solution, tests = json.load(sys.stdin)
module = sys.modules["solution"] = types.ModuleType("solution")
exec(compile(solution, "solution.py", "exec"), module.__dict__)
names = dict(module.__dict__, __name__="tests")
exec(compile(tests, "tests.py", "exec"), names)
for name in [name for name in names if name.startswith("test_")]:
    done = names[name]()
    if inspect.iscoroutine(done):
        asyncio.run(done)
sys.stdout.write("all tests ran")
sys.stdout.flush()
os._exit(0)
"""


def run_bare(solution: str, tests: str) -> Verdict:
    """Run asserts and `test_…` functions on a solution, as a script would.

    Only for code that this house wrote: nothing confines it but a folder of its own and a limit on memory.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-c", _RUN],
                input=json.dumps([solution, tests]).encode(),
                cwd=folder,
                capture_output=True,
                timeout=PATIENCE_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "endless"
    if done.returncode in {-signal.SIGXCPU, -signal.SIGKILL}:
        return "endless"
    return "passed" if done.returncode == 0 and done.stdout.endswith(b"all tests ran") else "failed"
