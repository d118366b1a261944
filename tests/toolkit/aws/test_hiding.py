"""Secrets in answers of AWS, wherever they lie."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.aws.hiding import hide
from toolkit.compact import as_json, compact

_SECRET = "hush-hush-hush"  # noqa: S105 - the test's own


@pytest.mark.parametrize(
    "answer",
    [
        {"PendingModifiedValues": {"MasterUserPassword": _SECRET}},
        {"Credentials": {"SecretAccessKey": _SECRET, "SessionToken": _SECRET}},
        {"Environment": {"Variables": {"DB": _SECRET}}},
        {"environmentVariables": [{"name": "DB", "value": _SECRET}]},
        {"ConnectionProperties": {"PASSWORD": _SECRET}},
        {"RadiusSettings": {"SharedSecret": _SECRET}},
        {"OptionSettings": [{"OptionName": "DB_PASSWORD", "Value": _SECRET}]},
        {"Parameters": [{"ParameterKey": "ApiKey", "ParameterValue": _SECRET}]},
        {"Parameter": {"Type": "SecureString", "Value": _SECRET}},
        {"UserData": _SECRET},
        {"AuthToken": _SECRET},
        {"bgpPeers": [{"authKey": _SECRET}]},
        {"Code": {"Location": f"https://x.s3.amazonaws.com/a?X-Amz-Signature={_SECRET}&b=1"}},
        {"Url": f"postgres://pay:{_SECRET}@db/pay"},
        {"Body": f"-----BEGIN RSA PRIVATE KEY-----\n{_SECRET}"},
    ],
    ids=as_json,
)
def test_a_secret_is_left_out(answer: dict[str, Any]) -> None:
    assert _SECRET not in as_json(compact(hide(answer, None)))


@pytest.mark.parametrize(
    "answer",
    [
        {"NextToken": "abc"},
        {"SecretList": [{"Name": "pay", "ARN": "arn:aws:secretsmanager:eu-west-1:1:secret:pay"}]},
        {"PasswordLastUsed": "2024-01-01"},
        {"KeyId": "1234", "KeyName": "laptop", "AccessKeyId": "some-id"},
        {"SecretArn": "arn", "PasswordPolicy": {"MinimumPasswordLength": 8}},
        {"Name": "pay", "Value": "7", "Tags": [{"Key": "team", "Value": "pay"}]},
    ],
    ids=as_json,
)
def test_what_is_no_secret_stays(answer: dict[str, Any]) -> None:
    assert hide(answer, None) == answer


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=6,
    ),
    st.sampled_from(["Password", "MasterUserPassword", "clientSecret", "authToken", "SecretAccessKey"]),
)
def test_any_answer_is_json_and_holds_no_secret(answer: object, name: str) -> None:
    told = as_json(compact(hide([answer, {"deep": [{name: _SECRET}]}], None)))
    json.loads(told)
    assert _SECRET not in told
