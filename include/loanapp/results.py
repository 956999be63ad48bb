"""Reading what the loop has written (verdicts, baselines, deployments, evaluations), so that claims can be checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from endpointwatch.reports.deployment import Deployment
from endpointwatch.reports.verdict import Verdict
from loanapp.cloud import Cloud, split

MONITOR, QUALITY, BIAS, ATTRIBUTION = "data_quality", "model_quality", "bias", "attribution"
# The metrics that the demo's bias monitor is asked for need labels too.
WAIT_FOR_LABELS = (QUALITY, BIAS)
RESULT_FILES = {
    MONITOR: ("statistics.json", "constraints.json", "constraint_violations.json", "verdict.json"),
    # Before labels come there is nothing to count.
    QUALITY: ("verdict.json",),
    BIAS: ("analysis.json", "constraint_violations.json", "report.html", "verdict.json"),
    ATTRIBUTION: (
        "analysis.json",
        "out.csv",
        "predictions.csv",
        "constraint_violations.json",
        "report.html",
        "verdict.json",
    ),
}
BASELINE_FILES = {
    MONITOR: ("statistics.json", "constraints.json", "baseline.json"),
    QUALITY: ("statistics.json", "constraints.json", "baseline.json"),
    BIAS: ("analysis.json", "report.html", "baseline.json"),
    ATTRIBUTION: (
        "analysis.json",
        "statistics.json",
        "constraints.json",
        "attribution_data.csv",
        "model_metadata.json",
        "report.html",
        "baseline.json",
    ),
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a model version was judged before it was deployed.

    Attributes:
        uri: The evaluation file.
        rows: Rows that both models were judged on.
        champion: The champion's metric; None for the first version.
        challenger: The new version's.
    """

    uri: str
    rows: int
    champion: float | None
    challenger: float


@dataclass(frozen=True)
class Results:
    """What lies in the account about one endpoint."""

    cloud: Cloud
    endpoint: Endpoint

    @property
    def layout(self) -> Layout:
        return Layout.of(self.endpoint)

    @property
    def monitors(self) -> tuple[str, ...]:
        """The endpoint's monitors, in the order of its file."""
        return tuple(monitor.kind for monitor in self.endpoint.monitors)

    def verdict(self, window: Window, monitor: str = MONITOR) -> Verdict | None:
        """The verdict on ``window``, or None when nobody has judged it."""
        document = self.cloud.json(self.layout.verdict(monitor, window))
        return Verdict.model_validate(document) if document is not None else None

    def decisions(self, window: Window) -> list[Any]:
        """Every decision on record on the windows that end with ``window``."""
        home = self.layout.decision(window, "").rpartition("/")[0]
        return [self.cloud.json(f"s3://{split(home)[0]}/{key}") for key in self.cloud.keys(home)]

    def missing(self, folder: str, names: tuple[str, ...]) -> list[str]:
        """Those of ``names`` that do not lie in ``folder``."""
        there = {key.rsplit("/", 1)[-1] for key in self.cloud.keys(folder)}
        return [name for name in names if name not in there]

    def deployments(self) -> list[Deployment]:
        """Every recorded deployment, the oldest first."""
        home = self.layout.deployments()
        found = [self.cloud.json(f"s3://{split(home)[0]}/{key}") for key in self.cloud.keys(home)]
        return sorted((Deployment.model_validate(record) for record in found), key=lambda d: d.in_service_from)

    def live(self) -> tuple[str, str]:
        """Model version and endpoint configuration that serve now."""
        name = self.cloud.sagemaker.describe_endpoint(EndpointName=self.endpoint.name)["EndpointConfigName"]
        config = self.cloud.sagemaker.describe_endpoint_config(EndpointConfigName=name)
        return str(config["ProductionVariants"][0]["ModelName"]), str(name)

    def captures(self) -> bool:
        """Whether data capture is started at the endpoint."""
        described = self.cloud.sagemaker.describe_endpoint(EndpointName=self.endpoint.name)
        return bool(described.get("DataCaptureConfig", {}).get("CaptureStatus") == "Started")

    def packages(self) -> list[dict[str, Any]]:
        """The model package group's versions, described, the oldest first."""
        training = self.endpoint.training
        if training is None:
            return []
        pages = self.cloud.sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=training.model_package_group
        )
        arns = [row["ModelPackageArn"] for page in pages for row in page["ModelPackageSummaryList"]]
        packages = [self.cloud.sagemaker.describe_model_package(ModelPackageName=arn) for arn in arns]
        return sorted(packages, key=lambda package: int(package["ModelPackageVersion"]))

    def evaluation(self, package: dict[str, Any], metric: str) -> Evaluation:
        """The figures that a package was approved on."""
        uri = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
        document = self.cloud.json(uri)
        figures = document["metrics"]
        return Evaluation(
            uri=uri,
            rows=document["rows"],
            champion=figures["champion"][metric] if "champion" in figures else None,
            challenger=figures["challenger"][metric],
        )

    def configurations(self) -> list[str]:
        """Names of the endpoint's configurations so far, the oldest first."""
        answer = self.cloud.sagemaker.list_endpoint_configs(
            NameContains=self.endpoint.name, SortBy="CreationTime", SortOrder="Ascending"
        )
        return [row["EndpointConfigName"] for row in answer["EndpointConfigs"]]

    def processing_job(self, part: str) -> str:
        """The newest processing job of the endpoint whose name has ``part`` in it; empty when there is none."""
        jobs = self.cloud.sagemaker.list_processing_jobs(
            NameContains=part, SortBy="CreationTime", SortOrder="Descending", MaxResults=100
        )["ProcessingJobSummaries"]
        names = [str(job["ProcessingJobName"]) for job in jobs]
        return next((name for name in names if name.startswith(self.endpoint.name)), "")

    def training_job(self, package: dict[str, Any]) -> str:
        """The training job that made a package."""
        return str(package.get("CustomerMetadataProperties", {}).get("training_job", ""))
