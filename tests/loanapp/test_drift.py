"""What the data-quality monitor makes of the story: the new system's hours are violations, the old one's never are.

The model is the example container's, the monitor the engine's; only the processing job and the endpoint are left out.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from containers.sklearn_example.model import SCORE_DECIMALS
from containers.sklearn_example.table import Table, rows
from containers.sklearn_example.training import fit
from endpointwatch.config.data_quality import DataQuality
from endpointwatch.monitors import data_quality
from endpointwatch.monitors.statistics import statistics
from loanapp.applications import FEATURES, LABEL, Applications
from loanapp.story import SEED, tell

pytestmark = pytest.mark.slow

ANCHOR = datetime(2026, 3, 1, 12, tzinfo=UTC)
APPLICATIONS = Applications.load()
SETTINGS = DataQuality()
NAMES = ["prediction", *FEATURES]
# Several draws of all applications, 24 windows each: a false alarm in one window of a hundred would show.
SEEDS = [SEED, *range(1, 6)]
ESTIMATOR = "logistic_regression"


def trained(lines, labels):
    features = rows(lines, FEATURES, "rows")
    truth = np.array([float(label) for label in labels])
    model, _ = fit(Table((LABEL, *FEATURES), np.column_stack([truth, features])), LABEL, ESTIMATOR)
    return model


def captured(model, lines):
    """The lines as capture has them, the model's answer first, as text."""
    scores = model.scores(rows(lines, FEATURES, "rows"))
    table = [[f"{score:.{SCORE_DECIMALS}f}", *line.split(",")] for score, line in zip(scores, lines, strict=True)]
    columns = [pa.array(column, pa.string()) for column in zip(*table, strict=True)]
    return data_quality.compute(pa.RecordBatch.from_arrays(columns, names=NAMES))


def learnt(model, lines):
    state = captured(model, lines)
    return data_quality.Baseline(data_quality.suggest(state, SETTINGS), statistics(state))


def labelled(text):
    pairs = [line.split(",", 1) for line in text.splitlines()[1:]]
    return [line for _, line in pairs], [label for label, _ in pairs]


@pytest.fixture(scope="module")
def judged():
    """Seed → (findings of every hour in order, findings of the present by the challenger's baseline)."""
    answers = {}
    for seed in SEEDS:
        story = tell(APPLICATIONS, ANCHOR, seed=seed)
        lines, labels = labelled(story.initial["train"])
        champion = trained(lines, labels)
        baseline = learnt(champion, lines)
        hours = [
            (hour, data_quality.check(captured(champion, [a.line for a in hour.applications]), baseline, SETTINGS))
            for hour in story.hours
        ]
        new = [application for hour in story.drifted for application in hour.applications][: len(lines)]
        challenger = trained([a.line for a in new], [a.label for a in new])
        present = captured(challenger, [a.line for a in story.present])
        answers[seed] = hours, data_quality.check(present, learnt(challenger, [a.line for a in new]), SETTINGS)
    return answers


@pytest.mark.parametrize("seed", SEEDS)
def test_no_hour_of_the_old_system_is_ever_a_violation(judged, seed):
    quiet = [findings for hour, findings in judged[seed][0] if not hour.drifted]
    assert len(quiet) == 21
    assert [findings.violations for findings in quiet] == [()] * 21


@pytest.mark.parametrize("seed", SEEDS)
def test_the_old_systems_hours_stay_far_from_the_threshold(judged, seed):
    distances = [d.distance for hour, findings in judged[seed][0] if not hour.drifted for d in findings.distances]
    assert max(distances) < 0.06  # the threshold is 0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_every_hour_of_the_new_system_drifts_in_every_amount_of_money_and_in_the_score(judged, seed):
    money = {"loanamt", "price", "apr", "appinc", "liq", "netw", "atotinc", "cototinc", "hexp"}
    loud = [findings for hour, findings in judged[seed][0] if hour.drifted]
    assert len(loud) == 3
    for findings in loud:
        assert {v.constraint_check_type for v in findings.violations} == {"baseline_drift_check"}
        assert {v.feature_name for v in findings.violations} == {"prediction", *money}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_new_versions_baseline_finds_nothing_in_the_new_systems_traffic(judged, seed):
    assert judged[seed][1].violations == ()
