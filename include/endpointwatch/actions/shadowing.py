"""Endpoint configurations with and without a shadow of a new version.

References:
    https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from endpointwatch.actions import naming
from endpointwatch.actions.deployment import CONFIG_FIELDS, SHADOW
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.errors import ConfigError


def shadowed(config: Mapping[str, Any]) -> str | None:
    """The model that our shadow variant of this configuration runs; None when there is none."""
    found = [each for each in config.get("ShadowProductionVariants", ()) if each["VariantName"] == SHADOW]
    return str(found[0]["ModelName"]) if found else None


def with_shadow(endpoint: Endpoint, live: Mapping[str, Any], *, model_name: str, share: float) -> dict[str, Any]:
    """The live configuration with a shadow that gets copies of ``share`` of the requests, on as many machines.

    Raises:
        ConfigError: There are several production variants, or a shadow that is not ours; SageMaker takes one of each.
    """
    variants, others = live["ProductionVariants"], live.get("ShadowProductionVariants", [])
    if len(variants) != 1 or any(each["VariantName"] != SHADOW for each in others):
        names = [each["VariantName"] for each in [*variants, *others]]
        raise ConfigError(
            f"Endpoint {endpoint.name!r} has the variants {names}; SageMaker shadows an endpoint with one production "
            "variant by one shadow. Take `deployment.shadow` out of the file, or the other variants off the endpoint."
        )
    weight = variants[0].get("InitialVariantWeight", 1.0)
    shadow = {**variants[0], "VariantName": SHADOW, "ModelName": model_name, "InitialVariantWeight": weight * share}
    return _request(endpoint, {**_kept(live), "ShadowProductionVariants": [shadow]})


def without_shadow(endpoint: Endpoint, live: Mapping[str, Any]) -> dict[str, Any]:
    """The live configuration without our shadow."""
    return _request(endpoint, _kept(live))


def _kept(live: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: live[key] for key in CONFIG_FIELDS if live.get(key) not in (None, [], {})}
    others = [each for each in kept.pop("ShadowProductionVariants", []) if each["VariantName"] != SHADOW]
    return {**kept, **({"ShadowProductionVariants": others} if others else {})}


def _request(endpoint: Endpoint, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "EndpointConfigName": naming.content_name(endpoint.name, content),
        **content,
        "Tags": naming.tags(endpoint),
    }
