"""What an endpoint is to run: its configuration with everything looked up, so that it can be served again later.

SageMaker goes on serving an endpoint whose configuration or model has been deleted; so a fleet's specification is kept
as a record of its own and names images and artefacts, not other records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pocketaws import registry
from pocketaws.faults import invalid, not_emulated, refuse_members

if TYPE_CHECKING:
    from pocketaws.store import Record
    from pocketaws.world import World

# SageMaker allows minutes, for images to be pulled; here nothing is pulled.
DEFAULT_STARTUP_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class VariantSpec:
    """One production variant.

    Attributes:
        name: VariantName.
        image: URI of the model's image.
        model_data: S3 URI of the ``model.tar.gz``, or None when the image holds the model.
        environment: The model's container environment.
        weight: Share of the traffic, relative to the other variants'.
        instances: InstanceCount. One process stands for all of them; metrics per instance are divided by it.
        startup_seconds: Longest time from the start of the container to its first good /ping.
    """

    name: str
    image: str
    model_data: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    weight: float = 1.0
    instances: int = 1
    startup_seconds: float = DEFAULT_STARTUP_SECONDS

    def summary(self, resolved_at: float) -> Record:
        """The variant's part of a Describe answer."""
        image = {"SpecifiedImage": self.image, "ResolvedImage": self.image, "ResolutionTime": resolved_at}
        return {
            "VariantName": self.name,
            "DeployedImages": [image],
            "CurrentWeight": self.weight,
            "DesiredWeight": self.weight,
            "CurrentInstanceCount": self.instances,
            "DesiredInstanceCount": self.instances,
        }


@dataclass(frozen=True, slots=True)
class FleetSpec:
    """All variants of one endpoint under one configuration.

    Attributes:
        config_name: EndpointConfigName.
        variants: In the configuration's order.
        capture: DataCaptureConfig as given, or None.
        shadows: Variants that get copies of requests; their answers go to nobody.
    """

    config_name: str
    variants: tuple[VariantSpec, ...]
    capture: dict[str, Any] | None = None
    shadows: tuple[VariantSpec, ...] = ()

    @property
    def instances(self) -> int:
        return sum(variant.instances for variant in self.variants)

    def variant(self, name: str) -> VariantSpec | None:
        return next((variant for variant in self.variants if variant.name == name), None)

    def record(self) -> Record:
        """As JSON; :meth:`of` is its inverse."""
        return asdict(self)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> FleetSpec:
        # Records of an earlier release have no shadows.
        variants, shadows = (
            tuple(VariantSpec(**variant) for variant in record.get(key, ())) for key in ("variants", "shadows")
        )
        # A capture of None is no member of a stored record.
        return cls(record["config_name"], variants, record.get("capture"), shadows)

    def retaining(self, live: FleetSpec, exclude: frozenset[str]) -> FleetSpec:
        """This specification with the properties of the live fleet, but those in ``exclude``.

        ``RetainAllVariantProperties`` of UpdateEndpoint; the properties are ``DesiredInstanceCount``, ``DesiredWeight``
        and ``DataCaptureConfig``. A fleet that has no DataCaptureConfig has none to retain.
        """

        def kept(variant: VariantSpec) -> VariantSpec:
            before = live.variant(variant.name)
            if before is None:
                return variant
            return replace(
                variant,
                weight=variant.weight if "DesiredWeight" in exclude else before.weight,
                instances=variant.instances if "DesiredInstanceCount" in exclude else before.instances,
            )

        retain_capture = "DataCaptureConfig" not in exclude and live.capture is not None
        return FleetSpec(
            self.config_name,
            tuple(kept(variant) for variant in self.variants),
            live.capture if retain_capture else self.capture,
            self.shadows,
        )


def resolve(world: World, config_name: str) -> FleetSpec:
    """The fleet that an endpoint configuration asks for.

    Raises:
        Fault: The configuration or a model is not there, or asks for what is not emulated.
    """
    config = world.store.get("EndpointConfig", config_name)
    refuse_members(config, ("AsyncInferenceConfig", "ExplainerConfig"), f"endpoint configuration {config_name}")
    variants, shadows = (
        tuple(_variant(world, variant) for variant in config.get(member, ()))
        for member in ("ProductionVariants", "ShadowProductionVariants")
    )
    return FleetSpec(config_name, variants, config.get("DataCaptureConfig"), shadows)


def _variant(world: World, variant: Mapping[str, Any]) -> VariantSpec:
    name = variant["VariantName"]
    if not variant.get("ModelName"):
        raise not_emulated(f"Variant {name} without ModelName (inference components)")
    container = _container(world, world.store.get("Model", variant["ModelName"]))
    return VariantSpec(
        name=name,
        image=container["Image"],
        model_data=_model_data(container),
        environment=dict(container.get("Environment", {})),
        weight=float(variant.get("InitialVariantWeight", 1.0)),
        instances=int(variant.get("InitialInstanceCount", 1)),
        startup_seconds=float(variant.get("ContainerStartupHealthCheckTimeoutInSeconds", DEFAULT_STARTUP_SECONDS)),
    )


def _container(world: World, model: Record) -> Record:
    containers = [model["PrimaryContainer"]] if "PrimaryContainer" in model else model.get("Containers", [])
    if len(containers) != 1:
        raise not_emulated(f"Model {model['ModelName']} with {len(containers)} containers (inference pipeline)")
    container: Record = containers[0]
    if container.get("Mode") == "MultiModel":
        raise not_emulated(f"Model {model['ModelName']} with Mode=MultiModel")
    if "ModelPackageName" in container:
        container = _packaged(world, container)
    if "Image" not in container:
        raise invalid(f"Model {model['ModelName']} names no image")
    return container


def _packaged(world: World, container: Record) -> Record:
    wanted = container["ModelPackageName"]
    package = registry.package(world, wanted)
    inner = package["InferenceSpecification"]["Containers"]
    if len(inner) != 1:
        raise not_emulated(f"ModelPackage {wanted} with {len(inner)} containers (inference pipeline)")
    return {**inner[0], "Environment": {**inner[0].get("Environment", {}), **container.get("Environment", {})}}


def _model_data(container: Record) -> str | None:
    if "ModelDataUrl" in container:
        return str(container["ModelDataUrl"])
    if "ModelDataSource" in container:
        source = container["ModelDataSource"]["S3DataSource"]
        if source.get("S3DataType") != "S3Object" or source.get("CompressionType") != "Gzip":
            raise not_emulated("ModelDataSource other than one gzip-compressed S3Object")
        return str(source["S3Uri"])
    return None
