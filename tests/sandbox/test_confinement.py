"""What a confined process cannot reach, on every backend."""

import os
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sandbox import Execution

RunPython = Callable[..., Awaitable[Execution]]

_TRY = """
try:
    {attempt}
except BaseException as error:
    print(type(error).__name__)
else:
    print("ALLOWED")
"""


async def _attempt(run_python: RunPython, attempt: str) -> str:
    done = await run_python(_TRY.format(attempt=attempt))
    assert done.exit_code == 0, done.stderr
    return done.stdout.decode().strip()


async def test_a_file_outside_cannot_be_read(run_python: RunPython, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    outcome = await _attempt(run_python, f"open({str(tmp_path / 'secret')!r}).read()")
    assert outcome in ("PermissionError", "FileNotFoundError")


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "/proc/1/environ", "/root/.bashrc"])
async def test_system_and_home_files_cannot_be_read(run_python: RunPython, path: str) -> None:
    outcome = await _attempt(run_python, f"open({path!r}).read()")
    assert outcome in ("PermissionError", "FileNotFoundError")


async def test_a_file_outside_cannot_be_written(run_python: RunPython, tmp_path: Path) -> None:
    outcome = await _attempt(run_python, f"open({str(tmp_path / 'new')!r}, 'w')")
    assert outcome != "ALLOWED"
    assert not (tmp_path / "new").exists()


async def test_the_interpreter_cannot_be_written(run_python: RunPython) -> None:
    outcome = await _attempt(run_python, "import json; open(json.__file__, 'a')")
    assert outcome in ("PermissionError", "OSError")


async def test_the_scratch_folder_can_be_written(run_python: RunPython, tmp_path: Path) -> None:
    done = await run_python("open('own', 'w').write('x'); import tempfile; tempfile.TemporaryFile()")
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "scratch/own").read_text() == "x"


async def test_a_link_does_not_lead_out(run_python: RunPython, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    attempt = f"import os; os.symlink({str(tmp_path / 'secret')!r}, 'link'); open('link').read()"
    assert await _attempt(run_python, attempt) in ("PermissionError", "FileNotFoundError")


SOCKETS = """
import socket
for family in ("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET", "AF_VSOCK"):
    for kind in ("SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW"):
        try:
            socket.socket(getattr(socket, family), getattr(socket, kind))
        except PermissionError:
            print("refused")
        else:
            print(family, kind)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere sockets are refused when used, not when made")
async def test_no_socket_can_be_made(run_python: RunPython) -> None:
    assert (await run_python(SOCKETS)).stdout == b"refused\n" * 18


async def test_a_unix_socket_of_another_program_cannot_be_reached(
    run_python: RunPython, tmp_path: Path
) -> None:
    # Inside the scratch folder, where the path itself is open to it.
    path = str(tmp_path / "scratch/engine.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        outcome = await _attempt(run_python, f"import socket as s; s.socket(s.AF_UNIX).connect({path!r})")
    assert outcome == "PermissionError"


async def test_asyncio_works(run_python: RunPython) -> None:
    done = await run_python("import asyncio; asyncio.run(asyncio.sleep(0)); print('ran')")
    assert done.stdout.strip() == b"ran", done.stderr


async def test_nothing_of_the_environment_is_inherited(
    run_python: RunPython, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "secret")
    done = await run_python("import os; print(sorted(os.environ))", env={"GIVEN": "1"})
    names = {"GIVEN", "HOME", "LANG", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "TMPDIR"}
    assert set(eval(done.stdout)) - {"PWD", "LC_CTYPE", "__CF_USER_TEXT_ENCODING"} == names  # noqa: S307


async def test_no_descriptor_is_inherited(run_python: RunPython, tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)  # noqa: FBT003 - positional only
        done = await run_python(
            "import os\nfor n in range(3, 200):\n  try: os.fstat(n); print(n)\n  except OSError: pass"
        )
    assert done.stdout == b""


async def test_other_processes_cannot_be_signalled(run_python: RunPython) -> None:
    outcome = await _attempt(run_python, f"import os; os.kill({os.getpid()}, 0)")
    assert outcome in ("PermissionError", "ProcessLookupError")


async def test_the_guard_cannot_be_killed(run_python: RunPython) -> None:
    done = await run_python(
        "import os\n"
        "for pid in (os.getppid(), 1, -1):\n"
        "  try: os.kill(pid, 9)\n"
        "  except OSError: pass\n"
        "print('alive')"
    )
    assert (done.exit_code, done.stdout) == (0, b"alive\n")


@pytest.mark.skipif(sys.platform != "linux", reason="Linux capabilities")
async def test_root_has_no_privileges_inside(run_python: RunPython) -> None:
    attempt = "import os; open('f', 'w').close(); os.chown('f', 12345, 12345)"
    assert await _attempt(run_python, attempt) in ("PermissionError", "OSError")


async def test_standard_input_reaches_the_command(run_python: RunPython) -> None:
    text = b"x" * 300_000
    done = await run_python("import sys; print(len(sys.stdin.read()))", stdin=text)
    assert done.stdout == b"300000\n"


async def test_exit_codes_and_signals_are_told_apart(run_python: RunPython) -> None:
    assert (await run_python("raise SystemExit(7)")).exit_code == 7
    assert (await run_python("raise SystemExit(1)")).exit_code == 1
    assert (await run_python("import os; os.kill(os.getpid(), 9)")).exit_code == -9
