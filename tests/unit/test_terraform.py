"""What a Terraform state says, and above all what it does not."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubernetes_objects import SECRET, moment
from lineage.connectors.scanning import Document, Unread
from lineage.connectors.terraform.mapping import TerraformMapping
from lineage.connectors.terraform.reading import TerraformReader
from lineage_schemas.errors import InvalidInputError, LedgerError
from lineage_schemas.mlmd import Artifact, ArtifactState, Attribution
from lineage_schemas.records import AnyRecord, Claim
from looks import Look, Remembered, miss, take

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model/fraud"


def bucket() -> dict[str, Any]:
    return {
        "mode": "managed",
        "type": "aws_s3_bucket",
        "name": "models",
        "provider": 'provider["registry.example.org/hashicorp/aws"]',
        "instances": [
            {
                "index_key": "eu",
                "attributes": {
                    "arn": "arn:aws:s3:::models",
                    "bucket": "models",
                    "region": "eu-west-1",
                    "versioning": [{"enabled": True, "mfa_delete": False}],
                    "bucket_domain_name": SECRET,
                },
                "sensitive_attributes": [[{"type": "get_attr", "value": "bucket_domain_name"}]],
            }
        ],
    }


def state(serial: int = 4, lineage: str = "0f1e") -> dict[str, Any]:
    """Return a state of version 4 as Terraform 1.9 writes it."""
    return {
        "version": 4,
        "terraform_version": "1.9.8",
        "serial": serial,
        "lineage": lineage,
        "outputs": {"password": {"value": SECRET, "type": "string", "sensitive": True}},
        "resources": [
            {
                "mode": "managed",
                "type": "aws_sagemaker_model",
                "name": "fraud",
                "provider": 'provider["registry.example.org/hashicorp/aws"]',
                "instances": [
                    {
                        "schema_version": 0,
                        "attributes": {
                            "arn": ARN,
                            "id": "fraud",
                            "name": "fraud",
                            "primary_container": [
                                {
                                    "image": "registry.example.org/fraud:1",
                                    "environment": {"TOKEN": SECRET},
                                }
                            ],
                            "tags": {"note": SECRET},
                        },
                        "sensitive_attributes": [],
                        "dependencies": ["aws_s3_bucket.models"],
                    }
                ],
            },
            bucket(),
            {
                "mode": "managed",
                "type": "random_password",
                "name": "db",
                "provider": 'provider["registry.example.org/hashicorp/random"]',
                "instances": [{"attributes": {"id": "none", "result": SECRET}}],
            },
            {
                "mode": "managed",
                "type": "kubernetes_namespace",
                "name": "scoring",
                "provider": 'provider["registry.example.org/hashicorp/kubernetes"]',
                "instances": [
                    {
                        "attributes": {
                            "id": "scoring",
                            "metadata": [{"name": "scoring", "annotations": {"x": SECRET}}],
                        }
                    }
                ],
            },
        ],
    }


def looked(memory: Remembered, plain: dict[str, Any], at: str = "2026-04-01T00:00Z") -> Look:
    reader = TerraformReader(io.BytesIO(json.dumps(plain, indent=1).encode()), "prod", moment(at))
    mapping = TerraformMapping("prod", cluster="prod-eu")
    return take(reader.read(memory, None, is_whole=True), memory, mapping, "tf", moment(at))


def said(look: Look) -> list[AnyRecord]:
    return [one for batch in look.batches for s in batch for one in s.records]


def test_resources_become_infrastructure_with_what_is_allowed() -> None:
    found = {
        one.key: one.properties
        for one in said(looked(Remembered(), state()))
        if isinstance(one, Artifact)
    }
    kept = found["terraform:prod/aws_s3_bucket.models[%22eu%22]"]
    assert (kept["region"], kept["resource_type"]) == ("eu-west-1", "aws_s3_bucket")
    assert kept["attributes"] == {
        "arn": "arn:aws:s3:::models",
        "bucket": "models",
        "region": "eu-west-1",
        "versioning": [{"enabled": True, "mfa_delete": False}],
    }
    model = found["terraform:prod/aws_sagemaker_model.fraud"]
    assert model["region"] == "eu-west-1"
    assert found["terraform:prod/random_password.db"]["attributes"] == {"id": "none"}


def test_no_secret_reaches_a_document_or_a_record() -> None:
    look = looked(Remembered(), state())
    assert look.documents
    assert SECRET not in repr((look.documents, look.batches))


def test_providers_identifiers_are_claimed_and_namespaces_are_environments() -> None:
    records = said(looked(Remembered(), state()))
    assert {one.identifier for one in records if isinstance(one, Claim)} == {
        ARN,
        "arn:aws:s3:::models",
        "uri:s3://models",
    }
    assert (
        Attribution(
            context="k8s:prod-eu/_/namespace/scoring",
            artifact="terraform:prod/kubernetes_namespace.scoring",
        )
        in records
    )


def test_what_the_state_has_no_more_is_deleted() -> None:
    memory = Remembered()
    looked(memory, state())
    gone = miss("resource/random_password.db", memory, TerraformMapping("prod"), "tf")
    assert gone[1].records == (
        Artifact(key="terraform:prod/random_password.db", state=ArtifactState.DELETED),
    )


def test_an_older_serial_is_told_and_another_state_is_refused() -> None:
    memory = Remembered()
    looked(memory, state(serial=4))
    assert not looked(memory, state(serial=4)).batches
    older = looked(memory, state(serial=3))
    assert ["serial 3 is older than 4" in one.reason for one in older.unread] == [True]
    assert not older.batches
    with pytest.raises(InvalidInputError, match="lineage"):
        looked(memory, state(lineage="other"))


@pytest.mark.parametrize("change", [{"version": 3}, {"lineage": ""}, {"serial": "x"}])
def test_what_is_no_state_of_version_4_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        looked(Remembered(), {**state(), **change})


@given(st.data())
def test_whatever_a_state_holds_it_is_taken_or_refused(data: st.DataObject) -> None:
    plain = state()
    resource = data.draw(st.sampled_from(plain["resources"]))
    parts = [plain, resource, resource["instances"][0], resource["instances"][0]["attributes"]]
    part = data.draw(st.sampled_from(parts))
    name = data.draw(st.sampled_from(sorted(part)))
    part[name] = data.draw(
        st.none()
        | st.integers()
        | st.text()
        | st.lists(st.integers(), min_size=1)
        | st.just([{"x": [[]]}])
    )
    reader = TerraformReader(
        io.BytesIO(json.dumps(plain).encode()), "prod", moment("2026-04-01T00:00Z")
    )
    try:
        shown = list(reader.read(Remembered(), None, is_whole=True))
    except LedgerError:
        return
    assert shown
    assert all(SECRET.encode() not in one.body for one in shown if isinstance(one, Document))
    assert not [one for one in shown if isinstance(one, Unread)]
