"""An evaluation also leaves the rows that the new model's baselines are learnt from: scores first, labels last."""

from __future__ import annotations

import csv
import tarfile

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def job(container, trained, data):
    """A processing job with one model, test rows, and training rows whose cells look as clients write them."""
    processing = container.base / "processing"
    archive = processing / "input" / "models" / "challenger" / "model.tar.gz"
    archive.parent.mkdir(parents=True)
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(trained.base / "model", ".")
    data.write(processing / "input" / "data" / "test.csv", data.rows(50, seed=21))
    cells = [["1", "3", "0.50", ""], ["0", "-2.0", "7", "1e-1"]]
    data.write(processing / "input" / "baseline" / "train.csv", cells)
    return container


def written(job):
    with (job.base / "processing" / "output" / "baseline.csv").open(newline="") as file:
        return list(csv.reader(file))


def test_the_score_comes_first_and_every_feature_keeps_its_text(job, trained):
    assert job.run("evaluate", label="approve", prediction="score").returncode == 0
    rows = job.base / "processing" / "input" / "baseline" / "train.csv"
    scored = trained.run("score", "--model", str(trained.base / "model"), "--input", str(rows)).stdout.split()
    assert written(job) == [
        ["score", "income", "debt", "age", "approve"],
        [scored[0], "3", "0.50", "", "1"],
        [scored[1], "-2.0", "7", "1e-1", "0"],
    ]


def test_the_columns_are_the_models_inputs_whatever_the_order_of_the_data(job, data):
    rows = [["1", "9", "2", "3"], ["0", "8", "5", "6"]]
    data.write(job.base / "processing" / "input" / "baseline" / "train.csv", rows, ("approve", "age", "income", "debt"))
    assert job.run("evaluate").returncode == 0
    assert [row[1:] for row in written(job)] == [
        ["income", "debt", "age", "approve"],
        ["2", "3", "9", "1"],
        ["5", "6", "8", "0"],
    ]


def test_the_rows_that_models_are_compared_on_are_written_the_same_way(job, trained):
    assert job.run("evaluate", label="approve", prediction="score").returncode == 0
    processing = job.base / "processing"
    rows = processing / "input" / "data" / "test.csv"
    scored = trained.run("score", "--model", str(trained.base / "model"), "--input", str(rows)).stdout.split()
    with (processing / "output" / "held_out.csv").open(newline="") as file:
        header, *held_out = csv.reader(file)
    assert header == ["score", "income", "debt", "age", "approve"]
    assert [row[0] for row in held_out] == scored
    with rows.open(newline="") as file:
        assert [row[-1] for row in held_out] == [row["approve"] for row in csv.DictReader(file)]


def test_an_evaluation_that_is_given_no_training_rows_writes_none(job):
    (job.base / "processing" / "input" / "baseline" / "train.csv").unlink()
    (job.base / "processing" / "input" / "baseline").rmdir()
    assert job.run("evaluate").returncode == 0
    assert not (job.base / "processing" / "output" / "baseline.csv").exists()


def test_training_takes_its_features_in_the_order_asked_for(container, data):
    data.write(container.base / "input" / "data" / "train" / "a.csv", data.rows(200, seed=22))
    container.hyperparameters(label="approve", features="age, income")
    assert container.run("train").returncode == 0
    about = (container.base / "model" / "metadata.json").read_text()
    assert '"features": [\n    "age",\n    "income"\n  ]' in about


def test_a_feature_that_the_data_do_not_have_fails_with_its_name(container, data):
    data.write(container.base / "input" / "data" / "train" / "a.csv", data.rows(200, seed=23))
    container.hyperparameters(label="approve", features="income,shoe_size")
    assert container.run("train").returncode == 1
    assert "shoe_size" in container.failure
