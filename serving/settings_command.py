"""The commands `duograph settings …`. Imports nothing but click, as `commands.py` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from serving.options import chosen, json_option, setting_options, user_option

if TYPE_CHECKING:
    from collections.abc import Callable

    Action = Callable[[], int]

_SOURCES = """\b
An argument outranks a run's context, which outranks what the user has set, then the environment,
duograph.toml and the defaults. Keys are never kept: put them into the environment.
"""


@click.group(epilog=_SOURCES)
def settings() -> None:
    """Show and change what a user prefers: models, limits, archives."""


@settings.command("list")
@json_option
@click.option("--explain", is_flag=True, help="Show every setting in force, and where it comes from.")
@setting_options
def list_settings(*, as_json: bool, explain: bool, **given: str | None) -> Action:
    """List what the user has set.

    What belongs to the installation, such as the sandbox or routing, is no user's: --explain shows it.
    With --explain, options such as --max-repairs show what a command with them would use.
    """

    def action() -> int:
        from serving import settings as body  # noqa: PLC0415  # bodies load when they run

        if explain:
            return body.explain(chosen(given), as_json=as_json)
        return body.list_kept(given.get("user"), as_json=as_json)

    return action


@settings.command("get")
@click.argument("name")
@json_option
@user_option
def get_setting(*, name: str, as_json: bool, user: str | None) -> Action:
    """Print the value of NAME that is in force."""

    def action() -> int:
        from serving import settings as body  # noqa: PLC0415  # bodies load when they run

        return body.show(name, user, as_json=as_json)

    return action


# A value may begin with a dash, as -1 does: the settings say better than click what is wrong with it.
@settings.command(
    "set",
    short_help="Keep VALUE as what the user prefers.",
    context_settings={"ignore_unknown_options": True},
)
@click.argument("name")
@click.argument("value")
@json_option
@user_option
def set_setting(*, name: str, value: str, as_json: bool, user: str | None) -> Action:
    """Keep VALUE as what the user prefers for NAME; a list is written with commas."""

    def action() -> int:
        from serving import settings as body  # noqa: PLC0415  # bodies load when they run

        return body.keep(name, value, user, as_json=as_json)

    return action


@settings.command("unset", short_help="Take back what the user has set.")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that the user has set.")
@json_option
@user_option
def unset_settings(*, names: tuple[str, ...], everything: bool, as_json: bool, user: str | None) -> Action:
    """Take back what the user has set for each NAME, so that the next source speaks."""
    if bool(names) == everything:
        raise click.UsageError("give the names of settings, or --all")

    def action() -> int:
        from serving import settings as body  # noqa: PLC0415  # bodies load when they run

        return body.take_back(None if everything else names, user, as_json=as_json)

    return action
