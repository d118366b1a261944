"""The bedrock backend against its own framing on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage

from providers import ModelConfigError, ModelsFailedError, RoleModels, parse_spec
from providers.backend import Sampling, Wiring
from providers.backends.bedrock_names import BedrockName, profile_id, read_name
from providers.backends.script import ScriptShelf
from providers.catalogue import known_limits
from providers.registry import PROVIDERS
from tests.providers.backends.contract import one_try
from tests.providers.servers.base import Loopback
from tests.providers.servers.bedrock_api import BedrockDialect, asked_model

QUESTION = [HumanMessage("hi")]
OPUS = "anthropic.claude-opus-5-5"


@pytest.fixture
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"REGION": "eu-west-1", "ACCESS_KEY_ID": "A", "SECRET_ACCESS_KEY": "s"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)


@pytest.fixture
def server(_aws: None) -> Iterator[Loopback]:
    dialect = BedrockDialect(profile_only=("acme.new-v1:0",), unknown=("acme.gone-v1:0",))
    with Loopback(dialect).running() as server:
        yield server


def models(server: Loopback, model: str = OPUS) -> RoleModels:
    return one_try(f"bedrock:{model}@{server.url}")


KNOWN = {"us.a.m", "eu.a.m", "global.a.m", "global.b.m", "b.m", "us.anthropic.old", "apac.d.m", "au.d.m"}
MAPPED = {
    ("a.m", "us-east-1"): "us.a.m",
    ("a.m", "eu-central-1"): "eu.a.m",
    ("a.m", "ap-south-1"): "global.a.m",
    ("b.m", "eu-west-1"): "global.b.m",
    ("c.m", "eu-west-1"): "c.m",
    ("d.m", "ap-southeast-2"): "au.d.m",
    ("d.m", "ap-northeast-2"): "apac.d.m",
    ("d.m", "eu-west-1"): "d.m",
    ("us.a.m", "eu-west-1"): "us.a.m",
    ("arn:aws:bedrock:us-east-1::inference-profile/us.a.m", "eu-west-1"): (
        "arn:aws:bedrock:us-east-1::inference-profile/us.a.m"
    ),
}


@pytest.mark.parametrize(("model", "region"), MAPPED)
def test_a_bare_id_is_brought_to_the_profile_of_its_region(model: str, region: str) -> None:
    assert profile_id(model, region, KNOWN) == MAPPED[model, region]


def test_a_model_without_a_profile_for_the_region_says_which_there_are() -> None:
    with pytest.raises(ModelConfigError, match=r"no inference profile for eu-west-1; there are us\."):
        profile_id("anthropic.old", "eu-west-1", KNOWN)


HOME = "arn:aws:bedrock:eu-west-1"
APPLICATION = f"{HOME}:123456789012:application-inference-profile/a1b2c3d4"
PROVISIONED = f"{HOME}:123456789012:provisioned-model/p9"
NAMES = {
    OPUS: BedrockName(OPUS, OPUS),
    f"global.{OPUS}": BedrockName(f"global.{OPUS}", f"global.{OPUS}"),
    APPLICATION: BedrockName(APPLICATION, "", "eu-west-1"),
    f"{APPLICATION}#{OPUS}": BedrockName(APPLICATION, OPUS, "eu-west-1"),
    f"{PROVISIONED}#{OPUS}": BedrockName(PROVISIONED, OPUS, "eu-west-1", by_the_hour=True),
    f"{HOME}::foundation-model/acme.m-v1:0": BedrockName(
        f"{HOME}::foundation-model/acme.m-v1:0", "acme.m-v1:0", "eu-west-1"
    ),
    f"{HOME}:123456789012:inference-profile/eu.{OPUS}": BedrockName(
        f"{HOME}:123456789012:inference-profile/eu.{OPUS}", f"eu.{OPUS}", "eu-west-1"
    ),
}


@pytest.mark.parametrize("text", NAMES)
def test_a_name_is_read_and_a_model_string_takes_it_as_it_is(text: str) -> None:
    assert read_name(text) == NAMES[text]
    for place in ("", "@eu-west-1", "@https://vpce.example"):
        spec = parse_spec(f"bedrock:{text}{place}")
        assert (spec.model, str(spec)) == (text, f"bedrock:{text}{place}")


WRONG = {
    "arn:aws:s3:::bucket/key": "is not an ARN of Bedrock",
    f"{APPLICATION}#": "is not an ARN of Bedrock",
    f"{OPUS}#{OPUS}": "only an ARN may say with #",
    f"{APPLICATION}@us-east-1": "asks us-east-1, and its ARN is of eu-west-1; leave the region out",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_name_that_cannot_be_one_is_a_sentence(text: str) -> None:
    with pytest.raises(ModelConfigError, match=WRONG[text]):
        RoleModels({"reasoning": f"bedrock:{text}"})


@pytest.mark.parametrize("arn", [APPLICATION, PROVISIONED, f"{APPLICATION}#{OPUS}"])
async def test_an_arn_is_asked_as_it_is_in_its_own_region_and_streams(
    arn: str, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION")
    asking = models(server, arn)
    reply = await asking.reply("reasoning", QUESTION, step="plan")
    assert (reply.text, asked_model(server.seen[0])) == ("Hello", arn.partition("#")[0])
    assert server.seen[0].path.endswith("/converse-stream")
    assert "/eu-west-1/bedrock/aws4_request" in server.seen[0].headers["authorization"]
    await asking.aclose()


def test_what_is_behind_an_arn_gives_its_price_and_limits() -> None:
    def facts(arn: str) -> tuple[bool, bool]:
        rate = PROVIDERS["bedrock"].price(parse_spec(f"bedrock:{arn}"), Wiring(ScriptShelf()))
        limits = known_limits("bedrock", arn)
        return rate(100) is not None, limits is not None

    assert facts(APPLICATION) == (False, False)
    assert facts(f"{APPLICATION}#anthropic.claude-opus-5") == (True, True)
    assert facts(f"{HOME}:123456789012:inference-profile/eu.anthropic.claude-opus-5") == (True, True)
    # Bought by the hour, whatever the table says of tokens.
    assert facts(f"{PROVISIONED}#anthropic.claude-opus-5") == (False, True)


def test_of_a_model_that_nobody_names_only_what_every_model_takes_is_sent(server: Loopback) -> None:
    backend = PROVIDERS["bedrock"].build(
        parse_spec(f"bedrock:{APPLICATION}@{server.url}"), Wiring(ScriptShelf())
    )
    assert backend.sampling is not None
    assert backend.sampling(Sampling(temperature=1.5, top_p=0.5)) == {"temperature": 1.0}


async def test_the_profile_is_asked_for_and_signed(server: Loopback) -> None:
    assert (await models(server).reply("reasoning", QUESTION, step="plan")).text == "Hello"
    (seen,) = server.seen
    assert asked_model(seen) == f"eu.{OPUS}"
    assert seen.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=A/")
    assert "/eu-west-1/bedrock/aws4_request" in seen.headers["authorization"]


@pytest.mark.parametrize(
    ("model", "words"),
    {
        "acme.new-v1:0": "through an inference profile only; write bedrock:global.acme.new-v1:0",
        "acme.gone-v1:0": "eu-west-1 has no model 'acme.gone-v1:0'; most need a prefix",
    }.items(),
)
async def test_the_two_errors_that_puzzle_everybody_come_with_advice(
    model: str, words: str, server: Loopback
) -> None:
    with pytest.raises(ModelsFailedError) as failed:
        await models(server, model).reply("reasoning", QUESTION, step="plan")
    assert words in str(failed.value)
    assert [call.error for call in failed.value.calls] == ["not_found"]


async def test_a_model_that_does_not_stream_answers_in_one_piece(server: Loopback) -> None:
    reply = await models(server, "acme.small-v1:0").reply("reasoning", QUESTION, step="plan")
    assert (reply.text, reply.reasoning) == ("Hello", "secret")
    # The fake answers the call that does not stream from its facts.
    assert server.seen == []


def test_without_a_region_a_sentence_says_where_to_name_it() -> None:
    with pytest.raises(ModelConfigError, match=f"set AWS_REGION, or write it down: bedrock:{OPUS}@us-east-1"):
        RoleModels({"coding": f"bedrock:{OPUS}"})


def test_a_region_comes_from_the_string_the_endpoint_the_environment_or_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def url(text: str) -> str | None:
        return PROVIDERS["bedrock"].server(parse_spec(text), Wiring(ScriptShelf())).url

    config = tmp_path / "config"
    config.write_text("[default]\nregion = eu-north-1\n[profile team]\nregion = ca-central-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    assert url("bedrock:m") == "https://bedrock-runtime.eu-north-1.amazonaws.com"
    monkeypatch.setenv("AWS_PROFILE", "team")
    assert url("bedrock:m") == "https://bedrock-runtime.ca-central-1.amazonaws.com"
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    assert url("bedrock:m") == "https://bedrock-runtime.us-west-2.amazonaws.com"
    assert url("bedrock:m:0@ap-southeast-2") == "https://bedrock-runtime.ap-southeast-2.amazonaws.com"
    endpoint = "https://bedrock-runtime.us-east-1.amazonaws.com"
    assert url(f"bedrock:m@{endpoint}") == endpoint


@pytest.mark.parametrize("place", ["europe", "ftp://host"])
def test_what_is_neither_a_region_nor_an_address_is_refused(place: str) -> None:
    with pytest.raises(ModelConfigError, match="or be a region such as us-east-1"):
        parse_spec(f"bedrock:m@{place}")


async def test_without_credentials_a_sentence_says_how_to_get_them(
    server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(
        ModelsFailedError, match="no AWS credentials that work; set AWS_ACCESS_KEY_ID"
    ) as failed:
        await models(server).reply("reasoning", QUESTION, step="plan")
    assert [call.error for call in failed.value.calls] == ["auth"]
    assert server.seen == []


def test_a_bedrock_key_never_travels_in_clear(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "canary")
    with pytest.raises(ModelConfigError, match="https:// addresses only") as refused:
        models(server)
    assert "canary" not in str(refused.value)


async def test_sampling_and_limits_stand_in_the_inference_config(server: Loopback) -> None:
    spec = parse_spec(f"bedrock:amazon.nova-lite-v1:0@{server.url}")
    backend = PROVIDERS["bedrock"].build(spec, Wiring(ScriptShelf()))
    assert backend.sampling is not None
    assert backend.output_limit is not None
    wanted = Sampling(temperature=0.1, top_p=0.5, presence_penalty=0.2)
    options = backend.sampling(wanted) | backend.output_limit(9)
    async for _ in backend.chat.astream(QUESTION, **options):
        pass
    assert server.seen[0].body["inferenceConfig"] == {"maxTokens": 9, "temperature": 0.1, "topP": 0.5}


@pytest.mark.parametrize(
    ("model", "taken"), [(OPUS, set()), ("anthropic.claude-opus-4-6-v1", {"temperature"})]
)
def test_claude_takes_one_of_temperature_and_top_p_or_neither(
    model: str, taken: set[str], server: Loopback
) -> None:
    backend = PROVIDERS["bedrock"].build(parse_spec(f"bedrock:{model}@{server.url}"), Wiring(ScriptShelf()))
    assert backend.sampling is not None
    assert set(backend.sampling(Sampling(temperature=0.1, top_p=0.5))) == taken


PRICED = {
    ("us-east-1", "us.amazon.nova-lite-v1:0"): True,
    ("eu-west-1", "eu.anthropic.claude-opus-5"): True,
    ("eu-west-1", "eu.amazon.nova-lite-v1:0"): False,
    ("us-east-1", "acme.new-v1:0"): False,
}


@pytest.mark.parametrize(("region", "model"), PRICED)
def test_a_price_is_known_where_the_table_is_about_the_region(region: str, model: str) -> None:
    price = PROVIDERS["bedrock"].price(parse_spec(f"bedrock:{model}@{region}"), Wiring(ScriptShelf()))
    assert (price(100) is not None) == PRICED[region, model]
