"""Reading an account: moto's server through boto3."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from toolkit.aws.tools import make_read
from toolkit.running import Outcome, run

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow


async def _read(service: str, operation: str, **more: object) -> Outcome:
    return await run(make_read(), {"service": service, "operation": operation, **more})


def _value(outcome: Outcome) -> dict[str, Any]:
    assert not outcome.is_error, outcome.text
    text = outcome.text.split("\n[", 1)[0]
    found: dict[str, Any] = json.loads(text)
    return found


async def test_what_is_there_is_read_as_json(aws: Callable[[str], Any]) -> None:
    aws("sqs").create_queue(QueueName="orders")
    aws("ec2").run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, UserData="#!/bin/sh\nTOKEN=hush-hush"
    )
    found = await _read("sqs", "get_queue_url", parameters={"QueueName": "orders"})
    assert _value(found)["QueueUrl"].endswith("/orders")
    instances = await _read("ec2", "DescribeInstances")
    assert _value(instances)["Reservations"][0]["Instances"][0]["ImageId"] == "ami-12345678"
    assert "ResponseMetadata" not in instances.text
    identity = await _read("sts", "get_caller_identity")
    assert _value(identity)["Account"] == "123456789012"


async def test_secrets_are_left_out(aws: Callable[[str], Any]) -> None:
    aws("ssm").put_parameter(Name="/pay/password", Value="hush-hush", Type="SecureString")
    aws("secretsmanager").create_secret(Name="pay", SecretString="hush-hush")
    aws("ecs").register_task_definition(
        family="pay",
        containerDefinitions=[
            {
                "name": "pay",
                "image": "pay",
                "memory": 64,
                "environment": [{"name": "DB", "value": "hush-hush"}],
            }
        ],
    )
    aws("s3").create_bucket(Bucket="notes", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    aws("s3").put_object(Bucket="notes", Key="a.txt", Body=b"key AKIAABCDEFGHIJKLMNOP here")
    said = [
        await _read("ssm", "get_parameter", parameters={"Name": "/pay/password"}),
        await _read("ssm", "get_parameter", parameters={"Name": "/pay/password", "WithDecryption": True}),
        await _read("secretsmanager", "get_secret_value", parameters={"SecretId": "pay"}),
        await _read("secretsmanager", "list_secrets"),
        await _read("ecs", "describe_task_definition", parameters={"taskDefinition": "pay"}),
        await _read("s3", "get_object", parameters={"Bucket": "notes", "Key": "a.txt"}),
        await _read(
            "ec2", "describe_instance_attribute", parameters={"Attribute": "userData", "InstanceId": "i-1"}
        ),
    ]
    assert [one.is_error for one in said] == [False, True, True, False, False, False, True]
    assert not [one.text for one in said if "hush-hush" in one.text or "AKIAABCDEFGHIJKLMNOP" in one.text]
    definition = _value(said[4])["taskDefinition"]["containerDefinitions"][0]
    assert definition["environment"] == [{"name": "DB", "value": "[redacted]"}]
    assert _value(said[5])["Body"] == "key [redacted] here"


async def test_of_a_large_file_only_the_beginning_is_read(aws: Callable[[str], Any]) -> None:
    aws("s3").create_bucket(Bucket="large", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    aws("s3").put_object(Bucket="large", Key="a.log", Body=b"line\n" * 400_000)
    aws("s3").put_object(Bucket="large", Key="a.bin", Body=bytes(range(256)))
    found = await _read("s3", "get_object", parameters={"Bucket": "large", "Key": "a.log"})
    assert _value(found)["ContentLength"] == 65536
    found = await _read("s3", "get_object", parameters={"Bucket": "large", "Key": "a.bin"})
    assert _value(found)["Body"] == "[256 bytes]"


async def test_pages_are_counted_and_can_be_read_on(aws: Callable[[str], Any]) -> None:
    for number in range(7):
        aws("iam").create_user(UserName=f"user-{number}")
    names: list[str] = []
    start = ""
    while True:
        found = _value(await _read("iam", "list_users", limit=3, start=start))
        assert len(found["Users"]) <= 3
        names += [user["UserName"] for user in found["Users"]]
        if not (start := found.get("start", "")):
            break
    assert names == [f"user-{number}" for number in range(7)]


async def test_pages_beyond_the_cap_are_not_asked_for_and_can_be_read_on(
    aws: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.aws.account.MAX_PAGES", 2)
    table = aws("dynamodb")
    for number in range(5):
        table.create_table(
            TableName=f"t-{number}",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    first = _value(await _read("dynamodb", "list_tables", parameters={"Limit": 1}))
    assert first["TableNames"] == ["t-0", "t-1"]
    second = _value(await _read("dynamodb", "list_tables", parameters={"Limit": 1}, start=first["start"]))
    assert second["TableNames"] == ["t-2", "t-3"]


async def test_what_aws_refuses_is_one_sentence(aws: Callable[[str], Any]) -> None:
    assert aws is not None
    missing = await _read("sqs", "get_queue_url", parameters={"QueueName": "none"})
    assert missing.is_error
    assert missing.text.startswith("AWS answered AWS.SimpleQueueService.NonExistentQueue")
    wrong = await _read("sqs", "get_queue_url", parameters={"QueueNam": "none"})
    assert wrong.text.startswith("parameters are wrong: ")
    assert "QueueNam" in wrong.text
    assert not [one.text for one in (missing, wrong) if "\n" in one.text or not one.text.endswith(".")]


async def test_what_is_not_set_up_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    ):
        monkeypatch.delenv(name, raising=False)
    assert (await _read("sqs", "list_queues")).text == "No AWS region is set: set AWS_DEFAULT_REGION."
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    found = await _read("sqs", "list_queues")
    assert found.text.startswith("No AWS credentials were found: set AWS_PROFILE")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert (await _read("sqs", "list_queues")).text == "The AWS profile is not there: mend AWS_PROFILE."


async def test_an_aws_that_is_not_there_or_says_nothing_is_told(
    aws: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert aws is not None
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert (await _read("sqs", "list_queues")).text.startswith("AWS cannot be reached")
    monkeypatch.setattr("toolkit.aws.account._READ_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        found = await _read("sqs", "list_queues")
    assert found.text == "AWS did not answer in time: ask for less, or try again."
