"""Links to what was registered."""

from __future__ import annotations

from airflow.providers.amazon.aws.links.base_aws import BASE_AWS_CONSOLE_LINK, BaseAwsLink


class ModelPackageLink(BaseAwsLink):
    """The model package group's page in the SageMaker console; it lists the versions."""

    name = "SageMaker model package"
    key = "endpointwatch_model_package"
    format_str = BASE_AWS_CONSOLE_LINK + "/sagemaker/home?region={region_name}#/model-packages/{package_arn}"
