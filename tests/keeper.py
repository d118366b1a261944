"""Runs a program and ends it for certain: when it is told to, and when whoever started it is gone.

As a program: `python keeper.py COMMAND…`, with its standard input held open as long as the command shall run.
"""

import os
import signal
import subprocess
import sys
import threading


def main() -> int:
    # The end is read from the pipe: a Ctrl-C, or a kill of the whole group, is not for this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_end_with_input, args=(process,), daemon=True).start()
    return process.wait()


def _end_with_input(process: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1024):
        pass
    process.kill()  # its data are thrown away, and to end in order takes it seconds


if __name__ == "__main__":
    raise SystemExit(main())
