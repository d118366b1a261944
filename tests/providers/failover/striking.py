"""A question, and the limit that strikes when it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from providers import LimitReachedError
from providers.failover.estimate import input_tokens

if TYPE_CHECKING:
    from providers import Allowance, Call, LimitKind, RoleModels

ASK = [SystemMessage("be brief"), HumanMessage("hi")]
NEEDED = input_tokens(ASK)


async def struck(models: RoleModels, allowance: Allowance) -> tuple[LimitKind, list[Call]]:
    with pytest.raises(LimitReachedError) as reached:
        await models.reply("coding", ASK, step="code", allowance=allowance)
    return reached.value.limit, reached.value.calls
