"""A program of its own: the text of a PDF's pages, one JSON string a line, under limits.

It runs apart because a PDF can be made to take all time and memory of whoever reads it.
"""

from __future__ import annotations

import io
import json
import logging
import resource
import sys

MAX_TEXT_BYTES = 20_000_000
_MEMORY_BYTES = 2_000_000_000


def main(seconds: int) -> int:
    """Read a PDF from standard input; 0 is done, 3 encrypted, 4 too much text, 5 damaged."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    if sys.platform == "linux":  # macOS does not hold a process to it
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    logging.disable()
    from pypdf import PdfReader  # noqa: PLC0415  # after the limits

    written = 0
    try:
        reader = PdfReader(io.BytesIO(sys.stdin.buffer.read()))
        if reader.is_encrypted and not reader.decrypt(""):
            return 3
        for page in reader.pages:
            line = json.dumps(page.extract_text())
            written += len(line)
            if written > MAX_TEXT_BYTES:
                return 4
            sys.stdout.write(line + "\n")
    except Exception:  # noqa: BLE001  # whatever a damaged file makes of its reader
        return 5
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
