"""`duograph classify` and its options. Imports nothing but click: `--help` must answer at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from serving.options import Shell, chosen, json_option, named, reasoning_option, user_option

if TYPE_CHECKING:
    from collections.abc import Callable

    Action = Callable[[], int]


@click.command(short_help="Say what kind of task a text is.")
@click.argument("text", required=False)
@click.option("--jsonl", is_flag=True, help='Sort {"id", "text"} objects from standard input, one a line.')
@click.option("--local", is_flag=True, help="Ask no model, whatever is configured.")
@named("--minilm", "FOLDER", "Read the vectors of this MiniLM too.", setting="routing_minilm")
@json_option
@reasoning_option
@user_option
@click.pass_obj
def classify(
    shell: Shell, /, *, text: str | None, jsonl: bool, local: bool, as_json: bool, **settings: str | None
) -> Action:
    """Say what kind of task TEXT is, who says so, and how surely. Nothing else is done with it.

    With "-" TEXT is read from standard input. A model is asked only where the words do not tell.
    With --jsonl each line is answered by {"id", "label", "confidence", "tier", "ms"}, in order; the tier says
    who decided: signal, classifier, model or default.
    """
    if jsonl == (text is not None):
        raise click.UsageError("give either TEXT or --jsonl")

    def action() -> int:
        from serving.classify import classify_lines, classify_text  # noqa: PLC0415  # bodies load when they run

        given = chosen(settings)
        if text is None:
            return classify_lines(shell.signals, settings=given, is_local=local)
        return classify_text(text, shell.signals, settings=given, is_local=local, as_json=as_json)

    return action
