"""What bias and attribution make of the story, on the settings of the demo's own file: quiet hours, loud hours.

The model is the example container's, the monitors the engine's; only the processing job and the endpoint are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from containers.sklearn_example.table import Table, rows
from containers.sklearn_example.training import fit
from endpointwatch.config.attribution import Attribution
from endpointwatch.config.bias import Bias
from endpointwatch.config.loader import load
from endpointwatch.metrics.attribution.explain import Asked, explain
from endpointwatch.monitors import attribution, bias
from endpointwatch.monitors.choices import Choice
from loanapp.applications import FEATURES, LABEL, Applications
from loanapp.story import tell

pytestmark = pytest.mark.slow

FILE = Path(__file__).resolve().parents[2] / "include" / "endpoints" / "loan-approval.yaml"
STORY = tell(Applications.load(), datetime(2026, 3, 1, 12, tzinfo=UTC))
# Every hour would take ten seconds more and show the same.
HOURS = [STORY.hours[index] for index in (0, 5, 10, 15, 20, 21, 22, 23)]


@dataclass
class Model:
    """The champion, as the attribution monitor asks a model."""

    estimator: Any

    def predict(self, table):
        return self.estimator.predict_proba(table)[:, 1:]


def settings(kind):
    return next(monitor for monitor in load(FILE).monitors if isinstance(monitor, kind))


def parts(text):
    pairs = [line.split(",", 1) for line in text.splitlines()[1:]]
    return rows([line for _, line in pairs], FEATURES, "rows"), np.array([float(label) for label, _ in pairs])


def inputs(hour):
    return rows([one.line for one in hour.applications], FEATURES, "rows")


@pytest.fixture(scope="module")
def model():
    features, labels = parts(STORY.initial["train"])
    fitted, _ = fit(Table((LABEL, *FEATURES), np.column_stack([labels, features])), LABEL, "logistic_regression")
    return Model(fitted.estimator)


@pytest.mark.parametrize("hour", HOURS, ids=lambda hour: f"{hour.window.start:%H}h")
def test_the_order_of_the_features_changes_with_the_new_system_and_not_before(model, hour):
    asked = settings(Attribution)
    features, _ = parts(STORY.initial["train"])
    usual = features.mean(axis=0, keepdims=True)
    known = attribution.suggest(explain(model, features, usual, Asked()), FEATURES, (), asked.agg_method)
    explanation = explain(model, inputs(hour), usual, Asked())
    now = attribution.suggest(explanation, FEATURES, known.labels, asked.agg_method)
    found = attribution.check(now, known, asked.threshold)
    assert explanation.exact
    assert bool(found.violations) == hour.drifted


@pytest.mark.parametrize("hour", HOURS, ids=lambda hour: f"{hour.window.start:%H}h")
def test_the_model_is_wrong_about_people_of_a_poor_credit_history_once_it_approves_everybody(model, hour):
    asked = settings(Bias)
    group = Choice(asked.facets[0].name, asked.facets[0].values)
    answers = Choice("prediction", threshold=asked.probability_threshold)
    roles = bias.Roles((group,), Choice(LABEL, asked.positive_labels), answers)

    def measured(features, labels):
        frame = pl.DataFrame(dict(zip(FEATURES, features.T, strict=True))).with_columns(
            pl.Series("prediction", model.predict(features)[:, 0]), pl.Series(LABEL, labels)
        )
        return bias.measure(bias.compute(frame, roles), roles, asked, ("post_training",))

    labels = np.array([float(one.label) for one in hour.applications])
    found = bias.check(measured(inputs(hour), labels), measured(*parts(STORY.initial["test"])), asked)
    assert [violation.metric_name for violation in found.violations] == (["AD"] if hour.drifted else [])
    assert "minimum_group_rows" not in found.metrics[0].note
