"""What a confined Python needs to read: the interpreter, its libraries, the room's inner scripts."""

import compileall
import functools
import os
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

INSIDE = Path(__file__).parent / "inside"
"""The scripts that run on the far side of the wall."""

_SYSTEM_FOLDERS = ("/lib", "/lib64", "/lib32", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_MAC_FOLDERS = ("/usr/lib", "/System/Library", "/System/Volumes/Preboot/Cryptexes", "/usr/share/zoneinfo")
_SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/urandom", "/dev/zero")


@dataclass(frozen=True, slots=True)
class Readable:
    """Existing paths that confined code may read, and nothing else beside its scratch folder."""

    folders: tuple[str, ...]
    files: tuple[str, ...]


@functools.cache
def interpreter_path() -> str:
    """The real path of the running interpreter, past the links of a virtual environment."""
    return str(Path(sys.executable).resolve())


class InsideCommand(list[str]):
    """The command of one of our inner scripts, which a warm interpreter can run without starting another.

    Attributes:
        script: Its name.
        arguments: What its `main` is given.
    """

    __slots__ = ("arguments", "script")

    script: str
    arguments: tuple[int | str, ...]


def inside_command(script: str, *arguments: int | str) -> InsideCommand:
    """The command that runs `main` of one of our inner scripts, as imports so that bytecode is reused."""
    _compile_scripts()
    call = f"{script}.main({', '.join(map(repr, arguments))})"
    code = f"import sys; sys.path.insert(0, {str(INSIDE)!r}); import {script}; {call}"
    command = InsideCommand([interpreter_path(), "-I", "-S", "-B", "-c", code])
    command.script, command.arguments = script, arguments
    return command


@functools.cache
def _compile_scripts() -> None:
    """Leave bytecode where the interpreter looks for it; without the right to write it is only slower."""
    compileall.compile_dir(INSIDE, quiet=2)


def site_folders() -> list[str]:
    """Where installed packages are; an interpreter started with `-S` is told these."""
    return sorted({_installed("purelib"), _installed("platlib")})


def ruff_path() -> str | None:
    """The ruff that was installed with this program, or None when there is none."""
    scripts = (_installed("scripts"), str(Path(sys.executable).parent))
    found = (Path(folder) / "ruff" for folder in scripts)
    return next((str(path.resolve()) for path in found if path.is_file()), None)


@functools.cache
def _installed(what: str) -> str:
    """One of the interpreter's folders; to work it out anew takes longer than to fork a run."""
    return sysconfig.get_path(what)


def readable(packages: Sequence[str] = ()) -> Readable:
    """Collect what the interpreter, the dynamic linker and ruff must read, and folders of more packages."""
    if sys.platform == "darwin":
        wanted = [sys.base_prefix, sys.prefix, *_MAC_FOLDERS]
    else:
        prefixes = (sys.base_prefix, sys.prefix)
        wanted = [f"{prefix}/{name}" for prefix in prefixes for name in ("lib", "lib64")]
        wanted += [*_SYSTEM_FOLDERS, "/usr/share/zoneinfo"]
    stdlib = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    folders = [*wanted, *stdlib, *site_folders(), *packages, str(INSIDE)]
    files = [interpreter_path(), *_SYSTEM_FILES, ruff_path() or ""]
    return Readable(
        tuple(
            sorted(
                {real for path in folders if (real := os.path.realpath(path)) != "/" and Path(real).is_dir()}
            )
        ),
        tuple(sorted({path for path in files if path and Path(path).exists() and not Path(path).is_dir()})),
    )
