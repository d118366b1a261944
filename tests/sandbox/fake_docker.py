"""A stand-in for the docker command line: takes the same words, runs the command on this machine.

It confines nothing, so it serves to test what we ask of docker and what we make of its answers, and no more.
What it was asked goes to `calls.jsonl` beside it; `mode` beside it says how it fails.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(sys.argv[0]).parent
# The options of `docker run` that we use, and whether a value follows.
FLAGS = {"--rm": 0, "--interactive": 0, "--init": 0, "--read-only": 0}
PROBE = (
    b"read=errno 2\nwrite=errno 30\nsignal=errno 3\ntcp=errno 111\ntcp6=errno 99\nudp=allowed\nunix=allowed\n"
    b"own=allowed\n"
)


def main(words: list[str]) -> int:
    mode = (HERE / "mode").read_text() if (HERE / "mode").exists() else ""
    with (HERE / "calls.jsonl").open("a") as log:
        log.write(json.dumps(words) + "\n")
    if mode == "no daemon":
        sys.stderr.write("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.\n")
        return 1
    if mode == "hangs":
        time.sleep(60)
    if words[:2] == ["image", "inspect"]:
        if mode == "no image":
            sys.stderr.write(f"Error response from daemon: No such image: {words[-1]}\n")
            return 1
        return 0
    if words[0] == "rm":
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((HERE / f"{words[-1]}.pid").read_text()), signal.SIGKILL)
        (HERE / "removed").write_text(words[-1])
        return 0
    return run(words[1:], mode)


def run(words: list[str], mode: str) -> int:
    options: dict[str, list[str]] = {}
    while words[0].startswith("--"):
        name = words.pop(0)
        options.setdefault(name, []).append("" if name in FLAGS else words.pop(0))
    if mode == "refuses":
        sys.stderr.write("docker: Error response from daemon: invalid mount config.\n")
        return 125
    command = [options["--entrypoint"][0], *words[1:]]
    text = " ".join(command)
    if mode == "holds" and "probe.main" in text:
        sys.stdout.buffer.write(PROBE)
        return 0
    if mode in ("holds", "bridge") and "reach.main" in text:
        sys.stdout.write("interfaces=lo\n" if mode == "holds" else "interfaces=eth0 lo\n")
        return 0
    environment = dict(pair.split("=", 1) for pair in options["--env"])
    program = {"python3": sys.executable}.get(command[0], command[0])
    with subprocess.Popen([program, *command[1:]], cwd=options["--workdir"][0], env=environment) as process:
        (HERE / f"{options['--name'][0]}.pid").write_text(str(process.pid))
    # As docker does: a signal becomes 128 and its number.
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
