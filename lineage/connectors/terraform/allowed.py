"""Which attributes of which resources are kept: an allow-list, for a state file is full of secrets.

Of a type that is not listed, only what names it is kept. What the state marks as sensitive is
dropped whatever the list says. Format: Terraform state, version 4.
"""

from __future__ import annotations

from typing import Final

IDENTIFYING: Final = ("id", "arn", "self_link")

_PLACE: Final = ("name", "region", "location", "availability_zone")
_BUCKET: Final = (*_PLACE, "bucket", "storage_class", "versioning", "bucket_domain_name")
_SERVER: Final = (*_PLACE, "instance_type", "machine_type", "ami", "size")
_CLUSTER: Final = (*_PLACE, "version", "kubernetes_version", "node_version", "endpoint")
_REPOSITORY: Final = (*_PLACE, "repository_url", "repository_id", "image_tag_mutability")
_DATABASE: Final = (*_PLACE, "engine", "engine_version", "instance_class", "database_version")
_ROLE: Final = ("name", "path", "email", "account_id")

ALLOWED: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(("aws_s3_bucket", "google_storage_bucket"), _BUCKET),
    "aws_s3_bucket_versioning": ("bucket", "versioning_configuration"),
    "azurerm_storage_account": (*_PLACE, "account_tier", "account_replication_type"),
    "azurerm_storage_container": ("name", "storage_account_name"),
    **dict.fromkeys(
        ("aws_instance", "google_compute_instance", "azurerm_linux_virtual_machine"), _SERVER
    ),
    **dict.fromkeys(
        ("aws_eks_cluster", "google_container_cluster", "azurerm_kubernetes_cluster"), _CLUSTER
    ),
    "aws_eks_node_group": (
        *("cluster_name", "node_group_name", "instance_types", "ami_type", "capacity_type"),
        *("version", "release_version"),
    ),
    "google_container_node_pool": (*_PLACE, "cluster", "version", "node_count"),
    **dict.fromkeys(("aws_ecr_repository", "google_artifact_registry_repository"), _REPOSITORY),
    "azurerm_container_registry": (*_PLACE, "login_server", "sku"),
    "aws_sagemaker_model": ("name", "execution_role_arn", "primary_container", "container"),
    "aws_sagemaker_endpoint": ("name", "endpoint_config_name"),
    "aws_sagemaker_endpoint_configuration": ("name", "production_variants"),
    "aws_sagemaker_model_package_group": ("model_package_group_name",),
    "google_vertex_ai_endpoint": ("name", "display_name", "location"),
    "azurerm_machine_learning_workspace": (*_PLACE, "storage_account_id", "container_registry_id"),
    "aws_lambda_function": (
        *("function_name", "image_uri", "runtime", "version", "memory_size", "architectures"),
        "source_code_hash",
    ),
    "google_cloud_run_v2_service": (*_PLACE, "uri"),
    **dict.fromkeys(
        ("aws_db_instance", "aws_rds_cluster", "google_sql_database_instance"), _DATABASE
    ),
    **dict.fromkeys(("aws_iam_role", "google_service_account"), _ROLE),
    "kubernetes_namespace": ("metadata",),
    "kubernetes_deployment": ("metadata",),
    "helm_release": ("name", "namespace", "chart", "version", "repository"),
}
"""By type of resource: the attributes that are kept beside what names it."""

NESTED: Final[dict[str, tuple[str, ...]]] = {
    "container": ("image", "model_data_url", "mode", "container_hostname"),
    "metadata": ("name", "namespace", "uid"),
    "primary_container": ("image", "model_data_url", "mode", "container_hostname"),
    "production_variants": (
        *("variant_name", "model_name", "instance_type", "initial_instance_count"),
        "initial_variant_weight",
    ),
    "versioning": ("enabled", "mfa_delete"),
    "versioning_configuration": ("status", "mfa_delete"),
}
"""Of an attribute that is itself an object: which of its own are kept."""
