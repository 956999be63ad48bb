"""Training gives a model that is a function of its data, tells its metrics, and fails with a reason."""

from __future__ import annotations

import hashlib
import json
import re

import pytest

pytestmark = pytest.mark.slow

DEFINITION = re.compile(r"validation:auc=([0-9.]+);")


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_the_artefact_names_the_features_in_the_files_order(trained):
    about = json.loads((trained.base / "model" / "metadata.json").read_text())
    assert (about["label"], about["features"], about["rows"]) == ("approve", ["income", "debt", "age"], 1500)
    assert set(digests(trained.base / "model")) == {"model.joblib", "metadata.json"}


@pytest.mark.parametrize("estimator", ["hist_gradient_boosting", "logistic_regression"])
def test_the_same_data_give_the_same_artefact_and_a_model_better_than_chance(container, data, estimator):
    channels = container.base / "input" / "data"
    data.write(channels / "train" / "a.csv", data.rows(800, seed=3, missing=0.1))
    data.write(channels / "validation" / "b.csv", data.rows(300, seed=4, missing=0.1))
    # The Python SDK quotes text once more.
    container.hyperparameters(estimator=json.dumps(estimator))
    first = container.run("train")
    assert first.returncode == 0, first.stderr
    before = digests(container.base / "model")
    assert container.run("train").stdout == first.stdout
    assert digests(container.base / "model") == before
    (auc,) = DEFINITION.findall(first.stdout)
    assert float(auc) > 0.75


def test_the_label_is_the_first_column_unless_named(container, data):
    data.write(container.base / "input" / "data" / "train" / "a.csv", data.rows(200, seed=5))
    assert container.run("train").returncode == 0
    assert json.loads((container.base / "model" / "metadata.json").read_text())["label"] == "approve"


def test_the_parts_of_a_channel_are_one_table(container, data):
    rows, folder = data.rows(300, seed=6), container.base / "input" / "data" / "train"
    data.write(folder / "whole.csv", rows)
    whole = container.run("train").stdout
    (folder / "whole.csv").unlink()
    data.write(folder / "1.csv", rows[:100])
    data.write(folder / "2.csv", rows[100:])
    assert container.run("train").stdout == whole


@pytest.mark.parametrize(
    ("hyperparameters", "header", "cell", "said"),
    [
        ({"label": "aprove"}, None, None, "no column 'aprove'"),
        ({"estimator": "forest"}, None, None, "must be one of"),
        ({}, None, "many", "row 1, column 'age': 'many' is not a number"),
        ({"label": "income"}, None, None, "must be 0 or 1"),
        ({}, ("approve", "a", "a", "b"), None, "must name every column once"),
    ],
)
def test_what_cannot_be_trained_on_fails_with_its_place(container, data, hyperparameters, header, cell, said):
    rows = data.rows(50, seed=7)
    if cell:
        rows[0][3] = cell
    data.write(container.base / "input" / "data" / "train" / "a.csv", rows, *([header] if header else []))
    container.hyperparameters(**hyperparameters)
    done = container.run("train")
    assert done.returncode == 1
    assert said in container.failure
    assert container.failure.endswith(". The same inputs would fail again.")
    assert not (container.base / "model" / "model.joblib").exists()


def test_a_missing_channel_fails_with_the_folder(container):
    assert container.run("train").returncode == 1
    assert "input/data/train holds no *.csv" in container.failure
