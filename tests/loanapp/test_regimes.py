"""The new system really hurts the champion, and a challenger really helps: with the example container's own code."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import numpy as np
import pytest

from containers.sklearn_example import metrics
from containers.sklearn_example.table import Table, rows
from containers.sklearn_example.training import fit
from loanapp.applications import FEATURES, LABEL, Applications
from loanapp.story import SEED, tell

pytestmark = pytest.mark.slow

ANCHOR = datetime(2026, 3, 1, 12, tzinfo=UTC)
APPLICATIONS = Applications.load()
SEEDS = [SEED, *range(1, 12)]
ESTIMATOR = "logistic_regression"
TEST_SHARE, VALIDATION_SHARE = 0.25, 0.15


def of_csv(text):
    header, *lines = text.splitlines()
    names = tuple(header.split(","))
    return Table(names, rows(lines, names, "csv"))


def of_traffic(sent):
    features = rows([application.line for application in sent], FEATURES, "traffic")
    labels = np.array([float(application.label) for application in sent])
    return Table((LABEL, *FEATURES), np.column_stack([labels, features]))


def auc(model, data):
    return metrics.compute(data.column(LABEL), model.scores_of(data))["auc"]


def played(seed):
    """Champion, challenger, and the three test sets: old system, new system."""
    story = tell(APPLICATIONS, ANCHOR, seed=seed)
    champion, _ = fit(of_csv(story.initial["train"]), LABEL, ESTIMATOR)
    sent = [application for hour in story.drifted for application in hour.applications]
    random.Random(seed).shuffle(sent)
    test, validation = round(len(sent) * TEST_SHARE), round(len(sent) * VALIDATION_SHARE)
    challenger, _ = fit(of_traffic(sent[test + validation :]), LABEL, ESTIMATOR)
    return champion, challenger, of_csv(story.initial["test"]), of_traffic(sent[:test])


@pytest.fixture(scope="module")
def figures():
    """A row per seed: champion on the old system's rows, champion and challenger on the new system's."""
    table = []
    for seed in SEEDS:
        champion, challenger, old, new = played(seed)
        table.append((auc(champion, old), auc(champion, new), auc(challenger, new)))
    return np.array(table)


def test_the_champion_is_good_at_what_it_was_trained_on(figures):
    assert figures[:, 0].mean() > 0.78


def test_the_champion_knows_nothing_about_the_new_systems_applications(figures):
    assert figures[:, 1].max() < 0.65


def test_a_challenger_beats_the_champion_on_applicants_neither_has_seen_whatever_the_draw(figures):
    gain = figures[:, 2] - figures[:, 1]
    assert gain.min() > 0.15
    assert gain.mean() > 0.25


def test_the_challenger_is_as_good_as_the_champion_was(figures):
    assert figures[:, 2].mean() > figures[:, 0].mean() - 0.03
