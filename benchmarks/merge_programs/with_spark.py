"""The same by Spark on two cores: both sides read as JSON Lines, merged, written, measured. Start-up is not timed."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pyspark.ml.evaluation import BinaryClassificationEvaluator, MulticlassClassificationEvaluator
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as f

from harness.inside import Work, tell

SIDE = "struct<data:string,encoding:string,mode:string,observedContentType:string>"
ABOUT = "eventMetadata struct<eventId:string,inferenceId:string,inferenceTime:string>, eventVersion string"
CAPTURE = f"captureData struct<endpointInput:{SIDE},endpointOutput:{SIDE}>, {ABOUT}"
TRUTH = "groundTruthData struct<data:string,encoding:string>"
CUT = 0.5
START, END = "2026-11-01T00:00:00Z", "2026-11-02T01:00:00Z"


def measured(rows: DataFrame) -> dict[str, float]:
    counts = {
        (row.actual, row.predicted): row["count"] for row in rows.groupBy("actual", "predicted").count().collect()
    }
    tp, fp, fn = (counts.get(pair, 0) for pair in ((1.0, 1.0), (0.0, 1.0), (1.0, 0.0)))
    area = BinaryClassificationEvaluator(rawPredictionCol="score", labelCol="actual").evaluate(rows)
    accuracy = MulticlassClassificationEvaluator(
        predictionCol="predicted", labelCol="actual", metricName="accuracy"
    ).evaluate(rows)
    recall, precision = tp / (tp + fn), tp / (tp + fp)
    return {
        "accuracy": accuracy,
        "recall": recall,
        "precision": precision,
        "f1": 2 * precision * recall / (precision + recall),
        "auc": area,
    }


def main() -> None:
    data = Path(sys.argv[1])
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "6g")
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    with tempfile.TemporaryDirectory(dir=data.parent) as place, Work() as work:
        options = {"recursiveFileLookup": "true"}
        captures = spark.read.schema(CAPTURE).options(**options).json(str(data / "captures"))
        time = f.to_timestamp("eventMetadata.inferenceTime")
        captures = captures.filter((time >= START) & (time < END))
        captures = captures.withColumn("id", f.coalesce("eventMetadata.inferenceId", "eventMetadata.eventId"))
        labels = spark.read.schema(f"{TRUTH}, {ABOUT}").options(**options).json(str(data / "ground_truth"))
        told = labels.select(f.col("eventMetadata.eventId").alias("id"), "groundTruthData", "_metadata.file_path")
        last = f.row_number().over(Window.partitionBy("id").orderBy(f.col("file_path").desc()))
        told = told.withColumn("last", last).filter("last = 1").drop("last", "file_path")
        merged = captures.join(told, "id")
        merged.drop("id").write.json(f"{place}/merged")
        written = spark.read.schema(f"{CAPTURE}, {TRUTH}").json(f"{place}/merged")
        rows = written.select(
            f.col("groundTruthData.data").cast("double").alias("actual"),
            f.col("captureData.endpointOutput.data").cast("double").alias("score"),
        )
        rows = rows.withColumn("predicted", f.when(f.col("score") > CUT, 1.0).otherwise(0.0)).cache()
        figures = measured(rows)
        # Model Monitor's standard deviations: the metrics of five draws of 80 %.
        for seed in range(5):
            measured(rows.sample(0.8, seed))
        matched = rows.count()
    tell(work, matched=matched, **figures)
    spark.stop()


if __name__ == "__main__":
    main()
