"""Which operations may be called, judged by botocore's own list of all that AWS has."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.aws.operations import check_parameters, find, refusal
from toolkit.protocol import ToolError


@pytest.fixture(scope="module")
def session() -> Any:  # noqa: ANN401  # botocore has no types
    """What describes AWS."""
    import botocore.session  # noqa: PLC0415 - heavy, and few need it

    return botocore.session.Session()


@pytest.mark.parametrize(
    "called",
    [
        "secretsmanager.get_secret_value",
        "secretsmanager.get_random_password",
        "sts.get_session_token",
        "sts.get_federation_token",
        "sts.assume_role",
        "iam.get_credential_report",
        "iam.list_service_specific_credentials",
        "ecr.get_authorization_token",
        "ecr.get_download_url_for_layer",
        "codeartifact.get_authorization_token",
        "cognito-identity.get_id",
        "cognito-identity.get_credentials_for_identity",
        "cognito-idp.list_user_pool_client_secrets",
        "ec2.get_password_data",
        "ec2.get_vpn_connection_device_sample_configuration",
        "gamelift.get_instance_access",
        "s3control.get_data_access",
        "lightsail.get_instance_access_details",
        "lightsail.get_relational_database_master_user_password",
        "redshift.get_cluster_credentials",
        "sso.get_role_credentials",
        "ssm.get_access_token",
        "apigateway.get_api_keys",
        "appsync.list_api_keys",
        "wafv2.get_decrypted_api_key",
        "waf.get_change_token",
        "kms.get_parameters_for_import",
        "kms.decrypt",
        "emr.get_persistent_app_ui_presigned_url",
        "quicksight.get_dashboard_embed_url",
        "ivs.get_stream_key",
        "connect.get_federation_token",
        "lambda.invoke",
        "s3.put_object",
        "ec2.terminate_instances",
        "iam.create_access_key",
        "dynamodb.scan",
        "ssm.send_command",
    ],
)
def test_what_writes_or_gives_access_is_refused(called: str) -> None:
    assert refusal(*called.split(".")) is not None


@pytest.mark.parametrize(
    "called",
    [
        "ec2.describe_instances",
        "ec2.describe_key_pairs",
        "iam.list_access_keys",
        "iam.get_account_password_policy",
        "kms.list_keys",
        "kms.describe_key",
        "secretsmanager.list_secrets",
        "secretsmanager.describe_secret",
        "sqs.get_queue_url",
        "sts.get_caller_identity",
        "logs.filter_log_events",
        "cloudtrail.lookup_events",
        "cloudwatch.get_metric_data",
        "s3.list_objects_v2",
        "s3.get_object",
        "lambda.get_function_url_config",
    ],
)
def test_what_only_reads_is_allowed(called: str) -> None:
    assert refusal(*called.split(".")) is None


@given(st.text(max_size=40))
def test_no_name_but_of_reading_is_allowed(name: str) -> None:
    if refusal("ec2", name) is None:
        assert name.startswith(("describe_", "list_", "get_"))
        assert name.replace("_", "").isalnum()


def test_an_operation_is_found_by_either_of_its_names(session: Any) -> None:  # noqa: ANN401  # no types
    for name in ("list_queues", "ListQueues"):
        assert find(session, "sqs", name).name == "list_queues"


@pytest.mark.parametrize(
    ("service", "name", "part"),
    [
        ("sqss", "list_queues", "no AWS service 'sqss'; names near it: sqs"),
        ("../../../etc", "list_queues", "no AWS service '../../../etc'"),
        ("sqs/2012-11-05", "list_queues", "no AWS service"),
        ("", "list_queues", "no AWS service ''"),
        ("sqs", "list_queue", "sqs has no operation 'list_queue'; names near it: list_queues"),
        ("sqs", "__class__", "no operation '__class__'"),
        ("sqs", "close", "no operation 'close'"),
        ("sqs", "delete_queue", "only calls operations that begin with describe_, list_ or get_"),
        ("ebs", "get_snapshot_block", "its answer is a file"),
        ("sts", "get_session_token", "only get_caller_identity"),
    ],
)
def test_what_cannot_be_called_is_told_with_names_near_it(
    session: Any,  # noqa: ANN401  # botocore has no types
    service: str,
    name: str,
    part: str,
) -> None:
    with pytest.raises(ToolError) as caught:
        find(session, service, name)
    assert part in str(caught.value)
    assert str(caught.value).endswith(".")


def test_parameters_that_ask_for_a_secret_are_refused(session: Any) -> None:  # noqa: ANN401  # no types
    with pytest.raises(ToolError, match="WithDecryption"):
        check_parameters(find(session, "ssm", "get_parameter"), {"Name": "a", "WithDecryption": True})
    glue = check_parameters(find(session, "glue", "get_connections"), {"HidePassword": False})
    assert glue["HidePassword"] is True
