"""The command `duograph pull`. Imports nothing but click, as `commands.py` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from serving.options import Shell, json_option

if TYPE_CHECKING:
    from collections.abc import Callable

    Action = Callable[[], int]


@click.command(short_help="Fetch an MLX model from the Hugging Face hub.")
@click.argument("model")
@json_option
@click.pass_obj
def pull(_shell: Shell, /, *, model: str, as_json: bool) -> Action:
    """Fetch MODEL, such as mlx-community/Qwen3-0.6B-4bit, so that mlx:MODEL answers on this machine.

    What has come stays: run it again after Ctrl-C or a cut, and it goes on. HF_HOME says where models are
    kept, HF_TOKEN who asks. With --json each line is an object.
    """

    def action() -> int:
        from serving.pull import pull as body  # noqa: PLC0415  # bodies load when they run

        return body(model, as_json=as_json)

    return action
