"""The entry point of `duograph`: runs one command and turns every end into an exit code."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from serving import exits
from serving.signals import Interrupted, Signals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click import ClickException


def main(version: str | None = None, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process; never returns, and no `atexit` hook runs.

    Args:
        version: What `--version` shows; read from the installed metadata when left out.
        arguments: Those of the process when left out.

    """
    signals = Signals()
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in (words[: words.index("--")] if "--" in words else words)
    try:
        signals.install()
        code = _run(words, version, signals, as_json=as_json)
        sys.stdout.flush()
        signals.silence()
    except Interrupted as stop:
        signals.silence()
        _say_goodbye(stop, as_json=as_json)
        code = stop.exit_code
    except BrokenPipeError:
        code = exits.CLOSED_PIPE
    except OSError:  # the disk is full, and the one line about it is on standard error
        code = exits.CRASHED
    # Everything is closed and written. Python's own way out takes a tenth of a second more, in which a
    # signal would cause a traceback, and it waits for threads that may be stuck.
    os._exit(code)


def _run(words: list[str], version: str | None, signals: Signals, *, as_json: bool) -> int:
    """Run one command and report what goes wrong in it."""
    from click import ClickException  # noqa: PLC0415  # interrupts during this import are ours already

    from serving.commands import duograph  # noqa: PLC0415  # the same
    from serving.options import Shell  # noqa: PLC0415  # the same

    try:
        action = duograph.main(words, "duograph", standalone_mode=False, obj=Shell(signals, version))
        if not callable(action):
            return action or exits.DONE  # `--help` and the like have done their work
        from serving.terminal import prepare  # noqa: PLC0415  # only when there is something to do

        prepare()
        if not _debugging():
            _hush()
        return int(action())
    except ClickException as error:
        return _usage(error, as_json=as_json)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  # the last line of defence
        signals.check()  # a library may have made an error of its own out of our interrupt
        return _fault(error, as_json=as_json)


def _usage(error: ClickException, *, as_json: bool) -> int:
    """Report an error that click found in the arguments."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return exits.USAGE
    path = context.command_path if context is not None else "duograph"
    message = error.format_message().rstrip(".")
    _report(type(error).__name__, f"{message}; see `{path} --help`.", as_json=as_json)
    return exits.USAGE


def _fault(error: Exception, *, as_json: bool) -> int:
    """Report an error of the command itself."""
    from serving.faults import fault_of  # noqa: PLC0415  # only when something went wrong
    from serving.options import by_option  # noqa: PLC0415  # the same

    if _debugging():
        import traceback  # noqa: PLC0415  # the same

        traceback.print_exception(error)
    fault = fault_of(error)
    message = by_option(fault.message) if fault.kind == "SettingsError" else fault.message
    _report(fault.kind, message, as_json=as_json)
    return fault.exit_code


def _debugging() -> bool:
    return os.environ.get("DUOGRAPH_DEBUG", "0") not in {"", "0"}


def _hush() -> None:
    """Keep what libraries log and warn about off the terminal; our own lines say what matters."""
    import logging  # noqa: PLC0415  # only when there is something to do
    import warnings  # noqa: PLC0415  # the same

    logging.getLogger().addHandler(logging.NullHandler())
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def _report(kind: str, message: str, *, as_json: bool) -> None:
    """One line for people, and one object for programs that asked for JSON."""
    from serving import terminal  # noqa: PLC0415  # only when there is something to say
    from serving.text import one_line  # noqa: PLC0415  # the same

    terminal.prepare()
    terminal.notice(f"duograph: {message}")
    if as_json:
        terminal.json_object({"error": {"type": kind, "message": one_line(message)}})


def _say_goodbye(stop: Interrupted, *, as_json: bool) -> None:
    """The last words of an interrupted process, if anybody still listens."""
    with suppress(OSError):
        _report("Interrupted", f"interrupted{f'; {stop.hint}' if stop.hint else ''}", as_json=as_json)
