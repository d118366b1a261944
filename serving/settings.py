"""`duograph settings`: what a user prefers, and what is in force."""

from __future__ import annotations

import difflib
import json
import sys
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from serving import exits, terminal
from serving.faults import InputError
from serving.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from checkpoints.settings import UserSettingsService
    from graph.precedence import Origin
    from graph.user_settings import UserSettings


def list_kept(user: str | None, *, as_json: bool) -> int:
    """Print what a user has set and give the exit code.

    Raises:
        DatabaseError: When the database cannot be read.
    """
    with _open(user) as (service, name):
        kept = service.rows(name)
    if as_json:
        terminal.json_object(
            [{"name": row.name, "value": row.value, "updated_at": row.updated_at.isoformat()} for row in kept]
        )
    elif not kept:
        terminal.notice(
            f"duograph: the user {name!r} has set nothing; `duograph settings set NAME VALUE` does, and "
            "`duograph settings list --explain` shows what is in force."
        )
    else:
        _print([(row.name, in_words(row.value)) for row in kept], ("setting", "value"))
    return exits.DONE


def explain(given: Mapping[str, str], *, as_json: bool) -> int:
    """Print every setting in force with its source and give the exit code.

    Args:
        given: Settings of the command line.
        as_json: Whether to print an array instead of a table.

    Raises:
        SettingsError: When a setting is wrong.
        DatabaseError: When the database cannot be read.
    """
    found = _origins(given)
    if as_json:
        terminal.json_object([asdict(origin) for origin in found])
        return exits.DONE
    from graph.precedence import PRECEDENCE  # noqa: PLC0415  # loaded by now
    from graph.user_settings import UserSettings  # noqa: PLC0415  # the same

    terminal.notice(f"duograph: {' > '.join(PRECEDENCE)}")
    installed = [each.name for each in found if each.name not in UserSettings.model_fields]
    terminal.notice(
        "duograph: of the installation, so only an argument, the environment or duograph.toml sets: "
        f"{', '.join(installed)}"
    )
    rows = [(each.name, in_words(each.value), f"{each.source} {each.place}".strip()) for each in found]
    _print(rows, ("setting", "value", "from"))
    return exits.DONE


def show(name: str, user: str | None, *, as_json: bool) -> int:
    """Print one setting in force and give the exit code.

    Raises:
        InputError: When there is no such setting.
        SettingsError: When a setting is wrong.
        DatabaseError: When the database cannot be read.
    """
    known = {origin.name: origin for origin in _origins({} if user is None else {"user": user})}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."
        raise InputError(f"There is no setting {name!r}: {hint}")
    if as_json:
        terminal.json_object(asdict(known[name]))
    else:
        terminal.line(in_words(known[name].value))
    return exits.DONE


def keep(name: str, value: str, user: str | None, *, as_json: bool) -> int:
    """Keep one setting of a user and give the exit code.

    Raises:
        UserSettingsError: When the name or the value is wrong; nothing is kept then.
        DatabaseError: When the database cannot be written.
    """
    with _open(user) as (service, owner):
        service.update(owner, {name: value})
        row = next(row for row in service.rows(owner) if row.name == name)
    if as_json:
        terminal.json_object({"user": owner, "name": name, "value": row.value})
    else:
        terminal.notice(f"duograph: {name} is {in_words(row.value)} from now on, for the user {owner!r}.")
    return exits.DONE


def take_back(names: Sequence[str] | None, user: str | None, *, as_json: bool) -> int:
    """Take settings of a user back and give the exit code.

    Args:
        names: Which; None for all.
        user: Whose.
        as_json: Whether to print an object.

    Raises:
        InputError: When there is no setting of such a name; nothing is taken back then.
        DatabaseError: When the database cannot be written.
    """
    with _open(user) as (service, owner):
        from graph.user_settings import refusal  # noqa: PLC0415  # loaded by now

        kept = {row.name for row in service.rows(owner)}
        for name in names or ():
            # A newer version may have kept a name that is unknown here.
            if name not in kept and (why := refusal(name)):
                raise InputError(why)
        gone = sorted(kept if names is None else kept.intersection(names))
        service.reset(owner, None if names is None else gone)
    if as_json:
        terminal.json_object({"user": owner, "unset": gone})
    else:
        what = f"{', '.join(gone)} taken back" if gone else "nothing of that was set"
        terminal.notice(f"duograph: {what}, for the user {owner!r}.")
    return exits.DONE


def in_words(value: object) -> str:
    """A value on one line, as `settings set` would read it."""
    if value is None:
        return "none"
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, str):
        return one_line(value)
    return json.dumps(value, ensure_ascii=False)


@contextmanager
def _open(user: str | None) -> Iterator[tuple[UserSettingsService[UserSettings], str]]:
    """What keeps user settings, and whose are meant."""
    with terminal.starting():
        from graph.settings import Settings  # noqa: PLC0415  # seconds of imports
        from graph.user_settings import open_user_settings  # noqa: PLC0415  # the same

    # A broken value must not keep anyone from mending it.
    given: dict[str, Any] = {} if user is None else {"user": user}
    settings = Settings(user_settings=False, **given)
    with open_user_settings(settings) as service:
        yield service, settings.user


def _origins(given: Mapping[str, str]) -> list[Origin]:
    with terminal.starting():
        from graph.precedence import origins  # noqa: PLC0415  # seconds of imports
        from graph.settings import Settings  # noqa: PLC0415  # the same

    return origins(Settings(**given))


def _print(rows: Sequence[Sequence[str]], titles: Sequence[str]) -> None:
    if not terminal.is_terminal(sys.stdout):
        for row in rows:
            terminal.line("\t".join(row))
        return
    from rich.table import Table  # noqa: PLC0415  # a pipe need not wait for rich
    from rich.text import Text  # noqa: PLC0415  # the same

    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    terminal.console(sys.stdout).print(table)
