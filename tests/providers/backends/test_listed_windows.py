"""The catalogue's windows hold for models at their makers, and for no server of one's own."""

import pytest
from langchain_core.messages import HumanMessage
from pydantic import SecretStr

from providers import ModelsFailedError, RoleModels


async def test_what_does_not_fit_at_the_maker_is_not_sent() -> None:
    models = RoleModels({"coding": "groq:llama-3.3-70b-versatile"}, api_keys={"groq": SecretStr("key")})
    with pytest.raises(ModelsFailedError, match="do not fit into its context window of 131072") as failed:
        await models.reply("coding", [HumanMessage("word " * 200_000)], step="code")
    assert not failed.value.calls


async def test_a_server_of_ones_own_is_asked_whatever_the_catalogue_says(unused_tcp_port: int) -> None:
    chain = f"groq:llama-3.3-70b-versatile@http://127.0.0.1:{unused_tcp_port}/v1"
    models = RoleModels({"coding": chain})
    with pytest.raises(ModelsFailedError, match="cannot connect") as failed:
        await models.reply("coding", [HumanMessage("word " * 200_000)], step="code")
    assert failed.value.calls
