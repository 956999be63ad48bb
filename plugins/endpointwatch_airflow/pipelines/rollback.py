"""The DAG that returns an endpoint to the version before."""

from __future__ import annotations

from typing import Final

from airflow.sdk import DAG, Param

from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.pipelines import versions

PIPELINE: Final = "rollback"

DOC: Final = """
### Return `{name}` to the version before

Started by hand, or by what found the present version wanting. Leave the form empty for the version before; a second \
rollback goes back one further, not to and fro.
"""
HOW: Final = (
    "Moves the endpoint all at once, whatever `deployment.strategy` says, and watches no alarms: the bad version may "
    "have raised them."
)


def build(endpoint: Endpoint) -> DAG:
    """The endpoint's ``<endpoint>__rollback`` DAG."""
    told = {"name": endpoint.name, "results": endpoint.results_uri, "how": HOW}
    version = Param(
        None,
        type=["null", "string"],
        title="Version",
        description="The model version to return to; empty: the one that served before the present one.",
    )
    return versions.build(
        endpoint,
        "rollback",
        description=f"Return {endpoint.name} to the model version before.",
        doc=(DOC + versions.TASKS).format(**told),
        params=versions.form(version),
    )
