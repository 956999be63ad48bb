"""The DAG that deploys a version again that has served before."""

from __future__ import annotations

from typing import Final

from airflow.sdk import DAG, Param

from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.pipelines import versions

PIPELINE: Final = "redeploy"

DOC: Final = """
### Deploy a version of `{name}` again

For a version that has served before, and is to serve once more: started with its name. Without one, the version that \
serves gets fresh machines, all at once. Only approved model packages are deployed.
"""
HOW: Final = "Moves the endpoint as `deployment` in its file says: `{strategy}`, rollback alarms included."


def build(endpoint: Endpoint) -> DAG:
    """The endpoint's ``<endpoint>__redeploy`` DAG."""
    how = HOW.format(strategy=endpoint.deployment.strategy)
    told = {"name": endpoint.name, "results": endpoint.results_uri, "how": how}
    version = Param(
        None,
        type=["null", "string"],
        title="Version",
        description="Name of the model version, as the deployment records have it; empty: the one that serves, anew.",
        examples=[f"{endpoint.name}-v1"],
    )
    return versions.build(
        endpoint,
        "redeploy",
        description=f"Deploy a version of {endpoint.name}'s model again.",
        doc=(DOC + versions.TASKS).format(**told),
        params=versions.form(version),
    )
