"""Delete models and configurations of versions that no rollback will ask for any more."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.sdk import Context

from endpointwatch.actions.versions import expendable
from endpointwatch.config.layout import Layout
from endpointwatch_airflow.deployments import recorded
from endpointwatch_airflow.hooks.deployment import DeploymentHook
from endpointwatch_airflow.operators.leased import LeasedOperator


class CleanVersionsOperator(LeasedOperator):
    """Keep ``deployment.keep_versions`` versions before the one that serves; delete what was made for older ones.

    Never what serves, is being deployed, or was not made by this project for this endpoint (by its tag). Model
    packages, artefacts, baselines and records stay: a redeployment can make model and configuration again.

    Args:
        kwargs: As :class:`LeasedOperator` takes them.

    Returns:
        ``models`` and ``endpoint_configs`` that were deleted.
    """

    @cached_property
    def deployments(self) -> DeploymentHook:
        return DeploymentHook(**self._hook_parameters)

    def change(self, context: Context) -> dict[str, list[str]]:  # noqa: ARG002 - the same whoever asks
        models, configs = self.deployments.in_use(self.endpoint.name)
        records = recorded(self.store, Layout.of(self.endpoint))
        old = expendable(records, keep=self.endpoint.deployment.keep_versions, in_use=models)
        gone = {found.model_version for found in old}
        kept = {found.endpoint_config for found in records if found.model_version not in gone} | configs
        deleted: dict[str, list[str]] = {"models": [], "endpoint_configs": []}
        for name in sorted({found.endpoint_config for found in records if found.model_version in gone} - kept):
            if self.deployments.delete_config_made_for(self.endpoint.name, name):
                deleted["endpoint_configs"].append(name)
        for name in sorted(gone):
            if self.deployments.delete_model_made_for(self.endpoint.name, name):
                deleted["models"].append(name)
        self.log.info("Deleted %s; %d versions are kept", deleted, self.endpoint.deployment.keep_versions)
        return deleted

    def changed(self, context: Context, event: dict[str, Any]) -> Any:
        raise NotImplementedError
