"""Asking a person at the terminal about calls that may change something."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from serving import terminal
from serving.text import clean, one_line, to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nodes import CallAnswer, ConsentAnswer
    from nodes.consents import AskedCall

MOST_WORDS = 3
"""How often the question is asked again until the calls are left to wait."""

_QUESTION = "approve, edit, reject, or always in this session? [a/e/r/s, with ' all' for all that are left] "
_HELP = "type a, e, r or s; r may be followed by a reason; 'a all' and 'r all' answer for all that are left"
_WORDS = {
    "a": "approve",
    "approve": "approve",
    "y": "approve",
    "yes": "approve",
    "e": "edit",
    "edit": "edit",
    "r": "reject",
    "reject": "reject",
    "n": "reject",
    "no": "reject",
    "s": "always",
    "always": "always",
}


def ask_about_calls(calls: Sequence[AskedCall]) -> ConsentAnswer | None:
    """Show each call exactly as it would be made, and ask; None when the person gives no answer.

    What a model or a server wrote is shown as data: escapes and what reorders a line are taken out or shown.

    Raises:
        Interrupted: When a signal came.
    """
    from nodes import ConsentAnswer  # noqa: PLC0415  # loaded by now
    from nodes.consents import shown_as  # noqa: PLC0415  # the same

    answers: dict[str, CallAnswer] = {}
    for at, call in enumerate(calls):
        sys.stderr.write(show(call, at + 1, len(calls)))
        said = _ask(call)
        if said is None:
            return None
        answer, for_all = said
        left = calls[at:] if for_all else [call]
        answers |= {one["id"]: answer for one in left}
        if for_all:
            break
    return ConsentAnswer(decision="reject", calls=answers, shown=shown_as(calls))


def show(call: AskedCall, number: int, of: int) -> str:
    """A call in lines for a person: what, from where, what it says it does, and every argument."""
    arguments = "\n".join(
        f"  {one_line(name)} = {to_json(value)}" for name, value in call["arguments"].items()
    )
    does = "\n".join(f"  | {line}" for line in clean(call["description"]).splitlines())
    head = f"call {number} of {of}: {one_line(call['name'])} (source: {one_line(call['source'])})"
    return "\n".join(filter(None, (head, does, arguments or "  (no arguments)"))) + "\n"


def _ask(call: AskedCall) -> tuple[CallAnswer, bool] | None:
    """The answer about one call, and whether it is for all that are left."""
    from nodes import CallAnswer  # noqa: PLC0415  # loaded by now

    for _ in range(MOST_WORDS):
        if (line := terminal.ask_line(_QUESTION)) is None:
            return None
        word, _, rest = line.strip().partition(" ")
        for_all = rest.strip().lower() == "all"
        decision = _WORDS.get(word.lower())
        if decision == "edit" and (changed := _edited(call)) is not None:
            return CallAnswer(decision="edit", arguments=changed), False
        if decision == "reject":
            return CallAnswer(decision="reject", reason="" if for_all else rest[:2000]), for_all
        if decision in {"approve", "always"} and (not rest or for_all):
            return CallAnswer.model_validate({"decision": decision}), for_all
        terminal.notice(_HELP)
    return None


def _edited(call: AskedCall) -> dict[str, Any] | None:
    """The arguments as the person's editor leaves them; None when they were not changed or are no object."""
    try:
        edited = click.edit(to_json(call["arguments"], indent=2), extension=".json")
        changed = None if edited is None else json.loads(edited)
    except (click.ClickException, ValueError) as error:
        said = (
            error.message
            if isinstance(error, click.ClickException)
            else f"the arguments are no JSON: {error}"
        )
        terminal.notice(f"duograph: {said}")
        return None
    if changed is not None and not isinstance(changed, dict):
        terminal.notice("duograph: the arguments must be a JSON object")
        return None
    return changed
