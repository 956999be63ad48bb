"""Everything a run of the local AWS holds, in one object that is handed to every operation."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from pocketaws import isolation
from pocketaws.alarms import Alarms
from pocketaws.capture import Capture
from pocketaws.hosting import Hosting
from pocketaws.images import Images
from pocketaws.jobs import tuning
from pocketaws.jobs.runner import Runner
from pocketaws.keeper import Keeper
from pocketaws.logs import LogShipper
from pocketaws.metrics import Metrics
from pocketaws.settings import Settings
from pocketaws.store import Store


class World:
    """The local AWS's parts.

    Attributes:
        settings: What the run was told.
        store: The records.
        images: Which local command stands for which image.
        isolation: How containers get their own ``/opt/ml``.
        keeper: Kills containers when this process is gone.
        logs: The way to CloudWatch Logs.
        jobs: Runs processing and training jobs.
        hosting: Serves the endpoints.
        capture: Writes captured requests to S3.
        metrics: Writes the endpoints' metrics to CloudWatch.
        alarms: Evaluates CloudWatch alarms.
        save: Saves the base's state now, where something of ours rests on it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.images = Images(settings.images)
        self.images.all()  # a malformed file is told at the start, not by the first job
        self.isolation = isolation.choose(settings.isolation)
        self.store = Store(settings.home / "sagemaker.sqlite", region=settings.region, account=settings.account)
        self._clients: dict[str, Any] = {}
        self._clients_lock = threading.Lock()
        # boto3's stubs list every service as a literal; the name is an argument here.
        self._session: Any = boto3.Session(
            aws_access_key_id=settings.account, aws_secret_access_key=settings.secret, region_name=settings.region
        )
        self.keeper = Keeper()
        self.logs = LogShipper(self)
        self.jobs = Runner(self)
        self.hosting = Hosting(self)
        self.capture = Capture(self)
        self.metrics = Metrics(self)
        self.alarms = Alarms(self)
        self.save: Callable[[], object] = lambda: None

    def aws(self, service: str) -> Any:
        """A boto3 client of the local AWS itself; one per service, shared by all threads."""
        with self._clients_lock:
            if service not in self._clients:
                client = self._session.client(
                    service,
                    endpoint_url=self.settings.url,
                    config=Config(
                        max_pool_connections=64,
                        s3={"addressing_style": "path"},
                        retries={"mode": "standard", "max_attempts": 3},
                        # Loopback: a proxy of the host's environment has no part in it.
                        proxies={},
                    ),
                )
                # botocore makes the classes of a service's errors at first sight, and without a lock: two threads that
                # see them first at once have two classes of one name, and `except` catches the other one.
                _ = client.exceptions
                self._clients[service] = client
            return self._clients[service]

    def start(self) -> None:
        """Begin work, once the URL answers: serve the endpoints on record, answer for the jobs that were cut off."""
        self.logs.start()
        self.capture.start()
        self.metrics.start()
        self.alarms.start()
        self.jobs.start()
        tuning.resume(self)
        self.hosting.restore()

    def close(self) -> None:
        """Stop jobs and model servers and put away what is in memory; the URL must still answer."""
        self.jobs.close()
        self.hosting.close()
        self.alarms.close()
        self.capture.close()
        self.metrics.close()
        self.logs.close()
        self.keeper.close()
        self.store.close()
