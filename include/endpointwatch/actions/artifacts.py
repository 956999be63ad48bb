"""Where a retraining keeps its data sets, models and evaluations, below ``training.artifacts_uri``."""

from __future__ import annotations

from dataclasses import dataclass

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.errors import ConfigError

EVALUATION_FILE = "evaluation.json"
BASELINE_FILE = "baseline.csv"
HELD_OUT_FILE = "held_out.csv"
SCORES_FILE = "scores.csv"
LATENCY_FILE = "latency.json"
COMPARISON_FILE = "comparison.json"
BIAS_FILE = "bias.json"
QUALITY_STATISTICS_FILE = "statistics.json"
QUALITY_CONSTRAINTS_FILE = "constraints.json"


@dataclass(frozen=True, slots=True)
class Dataset:
    """The three parts of a data set, each a folder of CSV files with a header, label first (S3 URIs)."""

    root: str

    @property
    def train(self) -> str:
        return f"{self.root}/train/"

    @property
    def validation(self) -> str:
        return f"{self.root}/validation/"

    @property
    def test(self) -> str:
        return f"{self.root}/test/"

    @property
    def manifest(self) -> str:
        """What it was made of; the data set of a first version has none."""
        return f"{self.root}/manifest.json"


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The folders of one retraining run (S3 URIs without a trailing slash)."""

    root: str

    @classmethod
    def of(cls, endpoint: Endpoint, run: str) -> Artifacts:
        """The folders of the run called ``run`` (see :func:`endpointwatch.actions.naming.run_key`).

        Raises:
            ConfigError: The endpoint has no ``training`` section.
        """
        if endpoint.training is None:
            raise ConfigError(f"Endpoint {endpoint.name!r} has no `training` section; add one to let it be retrained.")
        return cls(f"{endpoint.training.artifacts_uri.rstrip('/')}/{endpoint.name}/{run}")

    @property
    def dataset(self) -> Dataset:
        return Dataset(f"{self.root}/dataset")

    @property
    def models(self) -> str:
        """SageMaker adds ``/<training job>/output/model.tar.gz``."""
        return f"{self.root}/models"

    def evaluation(self, job_name: str) -> str:
        """A folder a job: evaluating again must not change what a registered package points to."""
        return f"{self.root}/evaluations/{job_name}"


def initial_dataset(endpoint: Endpoint) -> Dataset:
    """The data set of the first model version.

    Raises:
        ConfigError: The endpoint has no ``training`` section.
    """
    if endpoint.training is None:
        raise ConfigError(f"Endpoint {endpoint.name!r} has no `training` section; add one to let it be trained.")
    return Dataset(endpoint.training.initial_dataset_uri.rstrip("/"))
