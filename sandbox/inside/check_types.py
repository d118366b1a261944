"""The types step: runs mypy over files that nobody trusts, without any configuration of theirs."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import tokenize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_SWITCHES = re.compile(r"#\s*(?:type\s*:\s*ignore|mypy\s*:)")
_MOST = 300
"""Lines of findings that are printed."""


def main(site: str, root: str, *options: str) -> None:
    """Check the files that standard input names, one a line, and print a JSON object for each finding.

    Args:
        site: Folders of installed packages, joined as in `PATH`; mypy is in one of them.
        root: The folder in which the modules are, if it is not this one.
        *options: mypy's.
    """
    # Read before mypy is imported, so that nothing of the solution's folder is ever on the path.
    sys.path.extend(site.split(os.pathsep))
    files = [line for line in sys.stdin.buffer.read().decode().split("\n") if line]
    findings = [finding for file in files for finding in switched_off(file)]
    os.environ["MYPYPATH"] = root
    # mypy counts processors with it, and it reads what nobody may read here.
    sys.modules["psutil"] = None  # type: ignore[assignment]
    from mypy import api  # noqa: PLC0415 - only now there is a path to it

    out, err, code = api.run([*options, "--output=json", "--no-error-summary", "--", *files])
    lines = [*map(json.dumps, findings), *out.splitlines()]
    sys.stdout.write("".join(f"{line}\n" for line in lines[:_MOST]))
    sys.stderr.write(err)
    sys.exit(code or int(bool(findings)))


def switched_off(file: str) -> Iterator[dict[str, object]]:
    """The places where a file tells the type checker to look away."""
    with open(file, "rb") as source:  # noqa: PTH123 - as the other scripts here
        text = source.read()
    try:
        for token in tokenize.tokenize(io.BytesIO(text).readline):
            comment = token.type == tokenize.COMMENT and _SWITCHES.match(token.string)
            if comment or (token.type == tokenize.NAME and token.string == "no_type_check"):
                message = f"{token.string[:60]!r} switches the type checker off: remove it"
                yield {
                    "file": file,
                    "line": token.start[0],
                    "code": "switched-off",
                    "severity": "error",
                    "message": message,
                }
    except (tokenize.TokenError, SyntaxError, UnicodeDecodeError):
        return  # mypy will say so
