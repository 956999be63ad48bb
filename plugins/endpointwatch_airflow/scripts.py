"""The scripts that an endpoint's file names: where they are in S3, and where a job finds them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from endpointwatch.config.data_quality import DataQuality
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.jobs.plan import POSTPROCESSING_PATH, PREPROCESSING_PATH
from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.hooks.answers import StoredObject
from endpointwatch_airflow.hooks.store import StoreHook
from endpointwatch_airflow.operators.requests import Mount


@dataclass(frozen=True, slots=True)
class Script:
    """One script.

    Attributes:
        object: The script itself; its ETag is part of what a verdict rests on.
        mount: The same as a job's input.
    """

    object: StoredObject
    mount: Mount


def found_scripts(store: StoreHook, endpoint: Endpoint, monitors: Collection[str]) -> tuple[Script, ...]:
    """The scripts of the endpoint's ``monitors``.

    Raises:
        NotRetriedError: The endpoint's file names one that is not there.
    """
    return tuple(_found(store, endpoint, *named) for named in _named(endpoint, monitors))


def _named(endpoint: Endpoint, monitors: Collection[str]) -> Iterator[tuple[str, str, str, str]]:
    for settings in endpoint.monitors:
        if settings.kind not in monitors or not isinstance(settings, DataQuality):
            continue
        for key, uri, path, name in (
            ("record_preprocessor_script", settings.record_preprocessor_script, PREPROCESSING_PATH, "preprocessing"),
            (
                "post_analytics_processor_script",
                settings.post_analytics_processor_script,
                POSTPROCESSING_PATH,
                "postprocessing",
            ),
        ):
            if uri is not None:
                yield f"monitors.{settings.kind}.{key}", uri, path, name


def _found(store: StoreHook, endpoint: Endpoint, key: str, uri: str, path: str, name: str) -> Script:
    for item in store.objects(uri):
        if item.uri == uri:
            return Script(item, Mount(name, uri, path))
    raise NotRetriedError(
        f"The YAML file of endpoint {endpoint.name!r}: {key} is {uri}, and there is no such object. Upload the script, "
        "or correct the URI; then clear this task."
    )
