"""The command `duograph models`. Imports nothing but click, as `commands.py` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from serving.options import json_option, named

if TYPE_CHECKING:
    from collections.abc import Callable

    Action = Callable[[], int]

ROLES = ("reasoning", "coding", "background", "embedding")
CATEGORIES = ("chat", "code", "reasoning", "embedding", "image", "video")


@click.command(short_help="List models: what they hold, cost and suit, and until when.")
@named("--provider", "NAME", "Only this provider's, such as openai.")
@click.option("--role", type=click.Choice(ROLES), help="Only those that suit the role.")
@click.option("--category", type=click.Choice(CATEGORIES), help="Only those that are made for this.")
@json_option
def models(*, provider: str | None, role: str | None, category: str | None, as_json: bool) -> Action:
    """List the models of the catalogue that comes with Duograph; asks nobody.

    A model that is missing here works too: the catalogue only knows about models, it does not admit them.
    """

    def action() -> int:
        from serving.models import list_models  # noqa: PLC0415  # bodies load when they run

        return list_models(provider=provider, role=role, category=category, as_json=as_json)

    return action
