"""Spark on two local cores: the same statistics of each column, from the same captured files.

Sketches are of Spark's own kind (``approx_percentile``), and nothing is compared with a baseline.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql import types as t

from harness.inside import Work, tell

COLUMNS, NUMBERS = 25, 21  # the answer, 20 numbers and 4 categories
_SIDE = t.StructType([t.StructField("data", t.StringType()), t.StructField("encoding", t.StringType())])
_RECORD = t.StructType(
    [
        t.StructField(
            "captureData",
            t.StructType([t.StructField("endpointInput", _SIDE), t.StructField("endpointOutput", _SIDE)]),
        ),
        t.StructField("eventMetadata", t.StructType([t.StructField("inferenceTime", t.StringType())])),
    ]
)
_TENTHS = [tenth / 10 for tenth in range(1, 10)]


def texts(session: SparkSession, folder: str) -> DataFrame:
    """A column of texts for each cell, null where it is empty."""
    records = session.read.schema(_RECORD).option("recursiveFileLookup", "true").json(folder)
    payload = f.concat_ws(",", "captureData.endpointOutput.data", "captureData.endpointInput.data")
    cells = records.select(f.split(payload, ",").alias("cells"))
    return cells.select([f.nullif(f.col("cells")[place], f.lit("")).alias(f"c{place}") for place in range(COLUMNS)])


def statistics(table: DataFrame) -> dict[str, object]:
    """Count, presence, moments, range, quantiles and distinct values of each column, and the categories' counts."""
    asked = [f.count(f.lit(1)).alias("rows")]
    for place in range(COLUMNS):
        text = f.col(f"c{place}")
        asked += [
            f.count(text).alias(f"present_{place}"),
            f.approx_count_distinct(text, 0.05).alias(f"distinct_{place}"),
        ]
        if place < NUMBERS:
            number = text.cast("double")
            for name, value in (
                ("mean", f.avg(number)),
                ("sum", f.sum(number)),
                ("std_dev", f.stddev_pop(number)),
                ("min", f.min(number)),
                ("max", f.max(number)),
                ("tenths", f.percentile_approx(number, _TENTHS, 2048)),
            ):
                asked.append(value.alias(f"{name}_{place}"))
    told = table.agg(*asked).collect()[0].asDict()
    pairs = f.array(
        [f.struct(f.lit(place).alias("c"), f.col(f"c{place}").alias("v")) for place in range(NUMBERS, COLUMNS)]
    )
    counts = table.select(f.explode(pairs).alias("p")).groupBy("p.c", "p.v").count().collect()
    return {**told, "counts": {(row["c"], row["v"]): row["count"] for row in counts}}


def main() -> None:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    begun = time.perf_counter()
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", "4g")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    session.range(10).count()  # the first job of a session starts more than itself
    start = time.perf_counter() - begun
    with Work() as work:
        table = texts(session, sys.argv[1]).persist()
        told = statistics(table)
    session.stop()
    tell(work, rows=told["rows"], start=start, categories=len(told["counts"]))


if __name__ == "__main__":
    main()
