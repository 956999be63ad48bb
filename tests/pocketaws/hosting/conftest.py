"""Endpoints of a local AWS whose model server does what a test tells it (``model_server.py``)."""

from __future__ import annotations

import io
import json
import tarfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/test-server:1"
IMAGES = [
    {"pattern": "*/test-server:*", "command": ["{python}", str(Path(__file__).with_name("model_server.py"))]},
]
CAPTURE_TYPES = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}
WAIT_SECONDS = 60.0


class Endpoints:
    """Makes endpoints and asks them.

    Attributes:
        images: What a local AWS must be started with.
    """

    images = IMAGES

    def __init__(self, aws: Any) -> None:
        self.aws = aws
        self.sagemaker = aws.client("sagemaker")
        self.runtime = aws.client("sagemaker-runtime")

    def name(self) -> str:
        return f"t-{uuid.uuid4().hex[:12]}"

    def bucket(self) -> str:
        name = self.name()
        self.aws.client("s3").create_bucket(Bucket=name)
        return name

    def config(self, *variants: dict[str, Any], capture: dict[str, Any] | None = None, **environment: str) -> str:
        """An endpoint configuration of test servers; by default one variant, ``AllTraffic``."""
        name = self.name()
        production = []
        for number, variant in enumerate(variants or [{}]):
            model = f"{name}-{number}"
            container = {
                "Image": variant.get("Image", IMAGE),
                "Environment": {**environment, **variant.get("Environment", {})},
            }
            if "ModelDataUrl" in variant:
                container["ModelDataUrl"] = variant["ModelDataUrl"]
            self.sagemaker.create_model(ModelName=model, ExecutionRoleArn=self.aws.role, PrimaryContainer=container)
            production.append(
                {
                    "VariantName": variant.get("VariantName", "AllTraffic"),
                    "ModelName": model,
                    "InitialInstanceCount": variant.get("InitialInstanceCount", 1),
                    "InstanceType": "ml.m5.large",
                    "InitialVariantWeight": variant.get("InitialVariantWeight", 1.0),
                }
            )
        more = {"DataCaptureConfig": capture} if capture else {}
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=production, **more)
        return name

    def capture(self, bucket: str, **changes: Any) -> dict[str, Any]:
        """A DataCaptureConfig that captures everything."""
        return {
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{bucket}/captured",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": CAPTURE_TYPES,
            **changes,
        }

    def create(self, config: str | None = None, **environment: str) -> str:
        """An endpoint in service."""
        name = self.name()
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config or self.config(**environment))
        assert self.settled(name)["EndpointStatus"] == "InService", self.describe(name)
        return name

    def describe(self, name: str) -> dict[str, Any]:
        return dict(self.sagemaker.describe_endpoint(EndpointName=name))

    def settled(self, name: str) -> dict[str, Any]:
        """The endpoint once it is InService or Failed."""
        return self.until(name, lambda found: found["EndpointStatus"] in {"InService", "Failed"})

    def until(self, name: str, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            found = self.describe(name)
            if reached(found):
                return found
            time.sleep(0.05)
        pytest.fail(f"not reached in {WAIT_SECONDS:g} s: {found}\n{self.aws.output()[-3000:]}")

    def update(self, name: str, config: str, **more: Any) -> None:
        self.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, **more)

    def ask(self, name: str, body: str = "hello", **more: Any) -> dict[str, Any]:
        """What the model server has seen of a request."""
        answer = self.runtime.invoke_endpoint(
            EndpointName=name, Body=body, **{"ContentType": "application/json", **more}
        )
        return {**json.loads(answer["Body"].read()), "variant": answer["InvokedProductionVariant"]}

    def captured(self, bucket: str, least: int, prefix: str = "") -> dict[str, list[dict[str, Any]]]:
        """Captured records by key, once there are at least so many."""
        s3, end = self.aws.client("s3"), time.monotonic() + 15
        while True:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"captured/{prefix}")
            keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
            texts = {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys}
            found = {key: [json.loads(line) for line in text.splitlines()] for key, text in texts.items()}
            if sum(map(len, found.values())) >= least or time.monotonic() > end:
                return found
            time.sleep(0.2)

    def artifact(self, bucket: str, **files: str) -> str:
        """URI of a model.tar.gz with these files."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            for name, text in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(text)
                tar.addfile(member, io.BytesIO(text.encode()))
        self.aws.client("s3").put_object(Bucket=bucket, Key="model.tar.gz", Body=archive.getvalue())
        return f"s3://{bucket}/model.tar.gz"


class Traffic:
    """Calls an endpoint from several clients until it is told to stop."""

    def __init__(self, hosting: Endpoints, name: str, clients: int = 4) -> None:
        self.versions: Counter[str] = Counter()
        self.errors: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(hosting, name)) for _ in range(clients)]

    def _call(self, hosting, name) -> None:
        while not self._stop.is_set():
            try:
                self.versions[hosting.ask(name)["version"]] += 1
            except Exception as error:  # noqa: BLE001 - any error at all is what the test looks for
                self.errors.append(repr(error))

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture(scope="module")
def hosting(start_pocketaws) -> Endpoints:
    """Endpoints in a local AWS that the tests of a file share."""
    return Endpoints(start_pocketaws(images=IMAGES))


@pytest.fixture
def hosting_alone(start_pocketaws) -> Endpoints:
    """Endpoints in a local AWS that the test may kill."""
    return Endpoints(start_pocketaws(images=IMAGES))


@pytest.fixture
def endpoints_of() -> type[Endpoints]:
    """Endpoints in a local AWS that the test starts by itself."""
    return Endpoints


@pytest.fixture
def traffic_on(hosting) -> Callable[..., Traffic]:
    """``with traffic_on(endpoint) as traffic:`` calls it from several clients meanwhile."""
    return lambda name, clients=4: Traffic(hosting, name, clients)
