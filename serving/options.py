"""The options that several commands share. Imports nothing but click: `--help` must answer at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving.signals import Signals


@dataclass(frozen=True, slots=True)
class Shell:
    """What every command is given.

    Attributes:
        signals: How this process is stopped.
        version: What `--version` shows, if the caller knows it.
    """

    signals: Signals
    version: str | None = None


class Whole(click.IntRange):
    """A whole number in a range; what is none is refused in plain words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Read what was given; see click."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is not a whole number {_between(self)}", param, ctx)


class Real(click.FloatRange):
    """A number in a range; what is none is refused in plain words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Read what was given; see click, whose ranges let nan pass."""
        try:
            number = super().convert(value, param, ctx)
        except click.BadParameter:
            number = math.nan
        if math.isnan(number):
            self.fail(f"{value!r} is not a number {_between(self)}", param, ctx)
        return number


def _between(span: Whole | Real) -> str:
    """A range in words."""
    if span.max is None:
        return f"from {span.min}"
    return f"above {span.min} and at most {span.max}" if span.min_open else f"from {span.min} to {span.max}"


def _refuse_option(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Refuse an option where a value belongs: click takes whatever word comes next."""
    if value is not None and value.startswith("-") and value != "-":
        raise click.BadParameter(f"{value!r} looks like an option: give a value that does not begin with '-'")
    return value


def named(
    flag: str, metavar: str, text: str, *, setting: str = ""
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option whose value is a name: of a file, a session, a chain of models.

    Args:
        flag: How it is written.
        metavar: What stands for the value in the help.
        text: The help.
        setting: What the command calls the value, where the flag's own name does not say it.
    """
    names = (flag, setting) if setting else (flag,)
    return click.option(*names, metavar=metavar, help=text, callback=_refuse_option)


_CHAIN = "Chain of models for this run, such as openai:gpt-5.4,offline."
_SETTINGS = (
    ("--max-repairs", "max_repairs", "N", "At most N repairs of failing code."),
    ("--tools", "tools", "NAMES", "Offer these tools, such as calculator,date_time; '' offers none."),
    ("--max-tool-rounds", "max_tool_rounds", "N", "At most N rounds of tool calls; 0 offers no tools."),
    ("--max-tool-calls", "max_tool_calls", "N", "At most N calls of tools."),
    ("--max-model-calls", "max_model_calls", "N", "At most N calls of models, failed ones too."),
    ("--max-input-tokens", "max_input_tokens", "N", "At most N tokens sent to models."),
    ("--max-output-tokens", "max_output_tokens", "N", "At most N tokens received from models."),
    ("--max-cost-usd", "max_cost_usd", "USD", "At most this much money, where prices are known."),
    ("--turn-timeout", "turn_timeout_s", "SECONDS", "At most this long, for the whole turn."),
    ("--wait", "thread_wait_s", "SECONDS", "Wait so long for an earlier turn of the session; 0 refuses."),
)
"""Option, setting, metavar and help; the settings say what is a good value."""


def by_option(message: str) -> str:
    """A sentence about a setting that an option gave, with the option's name."""
    for flag, setting, _metavar, _text in _SETTINGS:
        if message.startswith(told := f"The setting {setting} is "):
            return f"{flag} is {message.removeprefix(told)}"
    return message


user_option = named("--user", "NAME", "Whose user settings; by default DUOGRAPH_USER.")


reasoning_option = named("--reasoning-model", "CHAIN", _CHAIN)


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that are settings for one run."""
    for flag, setting, metavar, text in reversed(_SETTINGS):
        command = click.option(flag, setting, metavar=metavar, help=text)(command)
    command = user_option(command)
    command = named(
        "--solo", "CHAIN", "Chain of models for both roles, in place of theirs.", setting="solo_model"
    )(command)
    command = named("--coding-model", "CHAIN", _CHAIN)(command)
    return reasoning_option(command)


def chosen(options: dict[str, str | None]) -> dict[str, str]:
    """The settings that were given."""
    return {name: value for name, value in options.items() if value is not None}


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
