"""The same job on a Spark cluster: a window's files are read where there are cores, and their states put together.

The only module that meets Spark, and it does so late: the engine needs none. What a job reads besides the captures
(baselines, data sets, stored windows) is read by the driver alone, as on one machine; monitors that do not gather by
:func:`endpointwatch.jobs.gather.gathered` run in the driver too.

Every executor opens the captures under the path that the driver gives it. On SageMaker each instance has them all
(``S3DataDistributionType: FullyReplicated``).
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading
from endpointwatch.errors import PlanError
from endpointwatch.jobs import partitions
from endpointwatch.jobs.__main__ import main as run
from endpointwatch.jobs.collect import settled
from endpointwatch.jobs.gather import gathering_by
from endpointwatch.jobs.merging import merging_by
from endpointwatch.jobs.parts import Names
from endpointwatch.merge.counts import Merged
from endpointwatch.merge.parts import Watch
from endpointwatch.merge.sources import Sources
from endpointwatch.merge.spark import merge_on_spark
from endpointwatch.states import Table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_log = logging.getLogger(__name__)


class Cluster:
    """Gathers a window's rows by ``mapInArrow``, one task a partition. The session starts with the first window.

    Args:
        partition_bytes: A partition takes files of about so many bytes.
        session: A running session, which is not stopped; None starts the one that ``spark-submit`` describes, else one
            with all cores of this machine.
    """

    def __init__(self, partition_bytes: int = partitions.PARTITION_BYTES, session: SparkSession | None = None) -> None:
        self._partition_bytes = partition_bytes
        self._session = session
        self._own: SparkSession | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._own is not None:
            self._own.stop()

    def gather(self, folder: Path, tally: Tally, reading: Reading, *, names: tuple[str, ...]) -> Table:
        """As :func:`endpointwatch.jobs.gather.here`.

        Raises:
            CaptureError: The captures cannot be read.
            PlanError: There is no Spark.
        """
        parts = partitions.cut(folder, self._partition_bytes)
        _log.info("%d partitions", len(parts))
        packed = self._mapped(folder, parts, reading) if parts else []
        return settled(*partitions.together(packed, tally), tally, names, strict=reading.strict)

    def merge(
        self,
        sources: Sources,
        output: Path,
        *,
        scratch: Path | None,  # noqa: ARG002 (Spark's own)
        watch: Watch | None,  # noqa: ARG002 (the records are read again)
    ) -> Merged:
        """As :func:`endpointwatch.merge.merge.merge`, with the files read and joined on the cluster.

        Raises:
            CaptureError: The captures or the labels cannot be read.
            PlanError: There is no Spark.
        """
        _log.info("merging on Spark")
        return merge_on_spark(self._started(), sources, output)

    def _mapped(self, folder: Path, parts: Sequence[Names], reading: Reading) -> Iterator[bytes]:
        def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for place in batch.column(0).to_pylist():
                    packed = partitions.read(folder, parts[place], reading)
                    yield pa.record_batch([pa.array([packed], pa.binary())], names=["packed"])

        # One number a partition, in order; and `collect` keeps the partitions' order.
        numbers = self._started().range(0, len(parts), 1, len(parts))
        for row in numbers.mapInArrow(work, "packed binary").collect():
            yield bytes(row.packed)

    def _started(self) -> SparkSession:
        if self._session is None:
            self._session = self._own = _session()
        return self._session


def _session() -> SparkSession:
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415 (the rest of the engine must work without it)
    except ImportError as error:
        raise PlanError(f"There is no PySpark here ({error}). Run the job in the Spark image.") from error
    # Without it the executors' `python3` is whichever stands first on the path.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    logging.getLogger("py4j").setLevel(logging.WARNING)
    builder: Any = SparkSession.builder
    return builder.appName("endpointwatch").config("spark.executorEnv.POLARS_MAX_THREADS", "1").getOrCreate()  # type: ignore[no-any-return]


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None) -> int:
    """As :func:`endpointwatch.jobs.__main__.main`, with captures gathered, and merged with their labels, by Spark."""
    parser = argparse.ArgumentParser(
        prog="spark-submit --py-files endpointwatch.zip entry.py",
        description="Run the job that the processing job's environment describes, and read captures on the cluster.",
    )
    parser.add_argument(
        "--partition-bytes",
        type=int,
        default=partitions.PARTITION_BYTES,
        help="a partition takes files of about so many bytes (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    with Cluster(options.partition_bytes) as cluster, gathering_by(cluster.gather), merging_by(cluster.merge):
        return run([], environment)
