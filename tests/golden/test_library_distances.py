"""Distances and sketches with the numbers that the test-suite of the library under AWS's analyzer expects."""

from __future__ import annotations

import json

import numpy as np
import pytest

from endpointwatch.metrics import distances
from endpointwatch.metrics.samples import Weighted
from endpointwatch.monitors import statistics
from endpointwatch.monitors.statistics import known
from endpointwatch.states import Kll, Moments


def test_every_distance_of_the_librarys_tests_is_met(fixtures):
    cases = json.loads((fixtures / "drift-deequ-linf" / "distances.json").read_bytes())
    checked = 0
    for case in cases:
        if case["kind"] == "numeric":
            sides = [Weighted(*Kll.read(case[key]).weighted()) for key in ("sketch1", "sketch2")]
            distance, n, m = distances.numeric(*(side.one_per_value for side in sides))
        elif case["method"] in ("simple", "robust"):
            distance, n, m = distances.categorical(case["sample1"], case["sample2"])
        else:
            continue  # chi-square is refused, not computed
        if case["method"] == "robust":
            distance = distances.robust(distance, n, m)
        assert distance == pytest.approx(case["expected"], abs=1e-12), case
        checked += 1
    assert checked >= 4


def test_small_sketches_of_the_librarys_tests_are_built_element_by_element(fixtures, monkeypatch):
    cases = json.loads((fixtures / "drift-deequ-linf" / "kll.json").read_bytes())
    assert cases
    for case in cases:
        values = np.array(case["values"], float)
        sketch = Kll(k=case["k"], c=case["c"]).extend(values)
        if case.get("sketch"):
            assert [level.tolist() for level in sketch.levels] == case["sketch"]
        monkeypatch.setattr(statistics, "BUCKETS", case["buckets_n"])
        made = statistics.buckets(sketch, values.min(), values.max())
        assert [[b["lower_bound"], b["upper_bound"], b["count"]] for b in made] == case["buckets"]
        assert Moments.of(values).std_dev == pytest.approx(case["std_dev"], rel=1e-12)


def test_an_aws_statistics_file_is_read_back_column_by_column(fixtures):
    document = json.loads((fixtures / "dq-cardio68k" / "statistics.json").read_bytes())
    columns = {column.name: column for column in known(document)}
    assert columns["age"].sketch.weight == 68385
    assert sum(columns["age_group"].counts.values()) == 68385
    assert len(columns) == 24
