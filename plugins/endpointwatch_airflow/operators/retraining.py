"""Readings of a retraining that its operators share."""

from __future__ import annotations

from endpointwatch.actions.admission import Retraining
from endpointwatch.actions.artifacts import Artifacts, Dataset, initial_dataset
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.training import Training
from endpointwatch_airflow.errors import NotRetriedError


def training_of(endpoint: Endpoint) -> Training:
    """The endpoint's ``training`` section.

    Raises:
        NotRetriedError: It has none.
    """
    if endpoint.training is None:
        raise NotRetriedError(f"Endpoint {endpoint.name!r} has no `training` section; add one to let it be retrained.")
    return endpoint.training


def dataset_of(endpoint: Endpoint, retraining: Retraining) -> Dataset:
    """What the run trains and judges on: its own data set, or for a first version the one that the YAML names."""
    return initial_dataset(endpoint) if retraining.champion is None else Artifacts.of(endpoint, retraining.run).dataset
