"""The endpoints' metrics in CloudWatch: one set for each invocation, one for what the model servers use.

References:
    https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pocketaws.world import World

INVOCATIONS = "AWS/SageMaker"
UTILIZATION = "/aws/sagemaker/Endpoints"
MINUTE = 60
SAMPLE_SECONDS = 5.0
# PutMetricData takes 150 different values for a metric and 1,000 metrics a call.
MAX_VALUES = 150
MAX_METRICS = 1000
MICROSECONDS = 1_000_000
_PROC = Path("/proc")
# namespace, endpoint, variant, configuration (empty: not by configuration), metric, minute
Key = tuple[str, str, str, str, str, int]


@dataclass(frozen=True, slots=True)
class Invocation:
    """One invocation, as it is counted.

    Attributes:
        endpoint: Name of the endpoint.
        variant: Name of the variant.
        instances: Its instance count.
        at: When the request arrived, epoch seconds.
        status: HTTP status of the model server; 0 when it did not answer in time.
        model_seconds: From sending the request to the model server to having its answer.
        overhead_seconds: All other time.
        config_name: During an update the fleet's configuration, by which its metrics are kept apart as well.
    """

    endpoint: str
    variant: str
    instances: int
    at: float
    status: int
    model_seconds: float
    overhead_seconds: float
    config_name: str | None = None

    def values(self) -> Iterator[tuple[str, float]]:
        """Metric names and values; latencies in microseconds."""
        yield "Invocations", 1.0
        yield "InvocationsPerInstance", 1.0 / max(self.instances, 1)
        # Zeros are sent too: the average of an error metric is the rate of errors.
        yield "Invocation4XXErrors", float(400 <= self.status < 500)  # noqa: PLR2004 - HTTP's own classes
        yield "Invocation5XXErrors", float(self.status >= 500 or self.status == 0)  # noqa: PLR2004 - as above
        yield "InvocationModelErrors", float(not 200 <= self.status < 300)  # noqa: PLR2004 - as above
        yield "ModelLatency", _latency(self.model_seconds)
        yield "OverheadLatency", _latency(self.overhead_seconds)


def _latency(seconds: float) -> float:
    """Whole microseconds, to three digits: the base emulator keeps every different value for ever."""
    return float(round(float(f"{seconds * MICROSECONDS:.3g}")))


class Metrics:
    """Gathers values by minute and puts them into CloudWatch.

    Args:
        world: The local AWS.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._values: dict[Key, Counter[float]] = {}
        self._cpu: dict[int, tuple[float, float]] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self) -> None:
        """Begin to flush, and to look at the model servers."""
        self._thread.start()

    def close(self) -> None:
        """Put what is gathered, and end."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self.flush()

    def record(self, invocation: Invocation) -> None:
        """Count one invocation in the minute in which it arrived."""
        endpoint, variant = invocation.endpoint, invocation.variant
        with self._lock:
            for metric, value in invocation.values():
                self._add(INVOCATIONS, endpoint, variant, metric, invocation.at, value)
                if invocation.config_name:
                    self._add(INVOCATIONS, endpoint, variant, metric, invocation.at, value, invocation.config_name)

    def flush(self) -> None:
        """Put everything gathered into CloudWatch; what cannot be put is gathered again."""
        with self._lock:
            values, self._values = self._values, {}
        for namespace in (INVOCATIONS, UTILIZATION):
            mine = {key: counted for key, counted in values.items() if key[0] == namespace}
            for key, data in _batches(mine):
                try:
                    self._world.aws("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)
                except Exception as error:  # noqa: BLE001 - metrics must not stop what they measure
                    print(f"pocketaws: metrics of {key} were lost: {error}", file=sys.stderr)

    def sample(self) -> None:
        """Take the use of every model server's processes now."""
        now, disk = time.time(), _disk_percent(self._world.settings.home)
        seen: set[int] = set()
        for endpoint, server in self._world.hosting.servers():
            pid = server.pid
            use = None if pid is None else _use(pid)
            if pid is None or use is None:
                continue
            seen.add(pid)
            before = self._cpu.get(pid)
            self._cpu[pid] = (now, use.cpu_seconds)
            with self._lock:
                variant = server.spec.name
                if before is not None and now > before[0]:
                    cpu = 100 * max(use.cpu_seconds - before[1], 0.0) / (now - before[0])
                    self._add(UTILIZATION, endpoint, variant, "CPUUtilization", now, round(cpu, 2))
                self._add(UTILIZATION, endpoint, variant, "MemoryUtilization", now, round(use.memory_percent, 2))
                self._add(UTILIZATION, endpoint, variant, "DiskUtilization", now, round(disk, 2))
        self._cpu = {pid: value for pid, value in self._cpu.items() if pid in seen}

    def _add(
        self, namespace: str, endpoint: str, variant: str, metric: str, at: float, value: float, config: str = ""
    ) -> None:
        minute = int(at) // MINUTE * MINUTE
        self._values.setdefault((namespace, endpoint, variant, config, metric, minute), Counter())[value] += 1

    def _run(self) -> None:
        sampled = 0.0
        while not self._closing.wait(self._world.settings.flush_seconds):
            try:
                if time.monotonic() - sampled >= SAMPLE_SECONDS:
                    sampled = time.monotonic()
                    self.sample()
                self.flush()
            except Exception as error:  # noqa: BLE001 - as above
                print(f"pocketaws: metrics: {error!r}", file=sys.stderr)


def _batches(values: dict[Key, Counter[float]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Calls of PutMetricData: a word on what is in it, and its MetricData."""
    data: list[dict[str, Any]] = []
    endpoints: set[str] = set()
    for (namespace, endpoint, variant, config, metric, minute), counted in values.items():
        items = list(counted.items())
        for start in range(0, len(items), MAX_VALUES):
            part = items[start : start + MAX_VALUES]
            endpoints.add(endpoint)
            data.append(
                {
                    "MetricName": metric,
                    "Dimensions": [
                        {"Name": "EndpointName", "Value": endpoint},
                        {"Name": "VariantName", "Value": variant},
                        *([{"Name": "EndpointConfigName", "Value": config}] if config else []),
                    ],
                    "Timestamp": dt.datetime.fromtimestamp(minute, dt.UTC),
                    "Unit": _unit(namespace, metric),
                    "Values": [value for value, _ in part],
                    "Counts": [float(count) for _, count in part],
                }
            )
            if len(data) == MAX_METRICS:
                yield ", ".join(sorted(endpoints)), data
                data, endpoints = [], set()
    if data:
        yield ", ".join(sorted(endpoints)), data


def _unit(namespace: str, metric: str) -> str:
    if namespace == UTILIZATION:
        return "Percent"
    return "Microseconds" if metric.endswith("Latency") else "None"


@dataclass(frozen=True, slots=True)
class _Use:
    cpu_seconds: float
    memory_percent: float


def _use(session: int) -> _Use | None:
    """CPU time and share of memory of all processes of a session; None where there is no /proc, or none is left."""
    ticks = pages = 0
    found = False
    for stat in _PROC.glob("[0-9]*/stat"):
        try:
            # The command's name stands in brackets and may hold anything; what follows it is plain numbers.
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if int(fields[3]) == session:
            found = True
            ticks += int(fields[11]) + int(fields[12])
            pages += int(fields[21])
    if not found:
        return None
    return _Use(ticks / os.sysconf("SC_CLK_TCK"), 100 * pages / os.sysconf("SC_PHYS_PAGES"))


def _disk_percent(folder: Path) -> float:
    usage = shutil.disk_usage(folder)
    return 100 * usage.used / usage.total
