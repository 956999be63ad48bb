"""The figures that the library behind Clarify publishes for the German credit data, from the data.

Figures: https://github.com/aws/amazon-sagemaker-clarify, ``examples/Bias_metrics_usage.ipynb``. Its KL, JS and KS are
those of an early version, which computed them otherwise; for these three the figures are those of version 0.5. Data:
four columns of Hofmann (1994), "Statlog (German Credit Data)", UCI Machine Learning Repository,
https://doi.org/10.24432/C5NC77, CC BY 4.0.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from endpointwatch.config.bias import Bias
from endpointwatch.monitors import bias
from endpointwatch.monitors.choices import Choice, choose

ROWS = pl.read_csv(Path(__file__).parents[2] / "oracles" / "german_credit.csv")
NAMES = ("CDDL", "CI", "DPL", "JS", "KL", "KS", "LP", "TVD")
PUBLISHED = {
    "yes": {
        "CI": -0.926,
        "DPL": 0.1992646852459936,
        "KL": 0.11255219213664655,
        "JS": 0.03118554103617789,
        "KS": 0.19926468524599367,
        "LP": 0.2818028203768902,
        "TVD": 0.19926468524599364,
        "CDDL": 0.03290400123352098,
    },
    "no": {
        "CI": 0.926,
        "DPL": -0.1992646852459936,
        "KL": 0.14605005091464818,
        "JS": 0.03118554103617789,
        "KS": 0.19926468524599367,
        "LP": 0.2818028203768902,
        "TVD": 0.19926468524599364,
        "CDDL": -0.03290400123352093,
    },
    "(40, 75]": {
        "CI": 0.452,
        "DPL": -0.05127586414912222,
        "KL": 0.006531884012901029,
        "JS": 0.0016029853423198837,
        "KS": 0.051275864149122274,
        "LP": 0.07251502250208905,
        "TVD": 0.05127586414912225,
        "CDDL": -0.06017778064937399,
    },
}


def values(facet: Choice) -> dict[str, dict[str, float | None]]:
    roles = bias.Roles((facet,), Choice("target", (1,)), group="housing")
    settings = Bias(sensitive_features=(facet.column,), metrics=NAMES)
    found: dict[str, dict[str, float | None]] = {}
    for one in bias.measure(bias.compute(ROWS, roles), roles, settings, ("pre_training",)):
        found.setdefault(one.facet_value, {})[one.metric.name] = one.value
    return found


def test_foreign_workers_are_labelled_good_less_often_by_the_published_figures():
    found = values(choose(ROWS["foreign_worker"], ()))
    assert set(found) == {"yes", "no"}
    for value, metrics in found.items():
        assert metrics == pytest.approx(PUBLISHED[value], abs=1e-12)


def test_applicants_above_forty_are_labelled_good_more_often_by_the_published_figures():
    # With 53 ages in 1,000 rows the column counts as continuous, so one value is a threshold.
    found = values(choose(ROWS["age"], [40]))
    assert list(found) == ["(40, 75]"]
    assert found["(40, 75]"] == pytest.approx(PUBLISHED["(40, 75]"], abs=1e-12)
