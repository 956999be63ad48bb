"""Spark itself judges the distinct counts: the same texts, the same whole number."""

from __future__ import annotations

import pytest

from endpointwatch.states import Distinct
from endpointwatch.states.hyperloglog_bias import bias

# Up to a raw estimate of 1,280 Spark counts by empty registers where Deequ, which Model Monitor is built on, does not.
COUNTS = (1, 7, 80, 300, *range(1330, 2750, 61), 4_000, 30_000)


@pytest.mark.spark
def test_the_estimate_is_that_of_spark(spark):
    f = pytest.importorskip("pyspark.sql.functions")
    text = f.concat(f.lit("value "), f.col("id").cast("string"))
    sets = [f.approx_count_distinct(f.when(f.col("id") < count, text), 0.05).alias(str(count)) for count in COUNTS]
    told = spark.range(max(COUNTS)).agg(*sets).first().asDict()
    ours = {str(count): Distinct.of([f"value {place}" for place in range(count)]).estimate for count in COUNTS}
    assert ours == told


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        # Six measurements around the estimate, as far as there are so many.
        (369.0, (368 + 361.8294 + 355.2452 + 348.6698 + 342.1464 + 336.2024) / 6),
        (700.2084, (156.7192 + 152.5234 + 149.2084 + 145.831 + 142.485 + 160.3802) / 6),
    ],
)
def test_the_bias_is_the_mean_of_the_nearest_measurements(raw, expected):
    assert bias(raw) == pytest.approx(expected, rel=1e-15)


def test_the_bias_falls_from_most_of_the_estimate_to_nothing():
    assert bias(380) > 340
    assert -10 < bias(2_559) < 0
