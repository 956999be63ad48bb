"""An evaluation compares models on the same labelled rows, with metrics anybody can recompute."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).resolve().parents[3] / "include" / "containers" / "sklearn_example"


def package(model, target):
    target.parent.mkdir(parents=True)
    with tarfile.open(target, "w:gz") as archive:
        archive.add(model, ".")


@pytest.fixture(scope="module")
def challenger(trained, data, tmp_path_factory):
    """A container in which a model was trained on less data."""
    made = type(trained)(tmp_path_factory.mktemp("challenger") / "ml", trained.forker)
    data.write(made.base / "input" / "data" / "train" / "a.csv", data.rows(60, seed=11))
    assert made.run("train").returncode == 0
    return made


@pytest.fixture
def job(container, trained, challenger, data):
    """A processing job's inputs: the trained model as champion, and one trained on less data as challenger."""
    models = container.base / "processing" / "input" / "models"
    package(trained.base / "model", models / "champion" / "model.tar.gz")
    package(challenger.base / "model", models / "challenger" / "model.tar.gz")
    data.write(container.base / "processing" / "input" / "data" / "test.csv", data.rows(300, seed=12, missing=0.05))
    return container


def result(job):
    return json.loads((job.base / "processing" / "output" / "evaluation.json").read_text())


def test_the_metrics_are_those_of_the_scores_against_the_labels(job, trained):
    assert job.run("evaluate", label="approve").returncode == 0
    found = result(job)
    assert (found["rows"], found["label"]) == (300, "approve")
    assert set(found["metrics"]) == {"champion", "challenger"}
    test = job.base / "processing" / "input" / "data" / "test.csv"
    truth = [int(line.partition(",")[0]) for line in test.read_text().splitlines()[1:]]
    scored = trained.run("score", "--model", str(trained.base / "model"), "--input", str(test)).stdout
    scores = [float(line) for line in scored.splitlines()]
    predicted = [score >= 0.5 for score in scores]
    assert found["metrics"]["champion"] == pytest.approx(
        {
            "auc": roc_auc_score(truth, scores),
            "accuracy": accuracy_score(truth, predicted),
            "f1": f1_score(truth, predicted),
            "log_loss": log_loss(truth, scores),
        }
    )
    assert found["metrics"]["champion"]["auc"] > found["metrics"]["challenger"]["auc"]


def test_the_label_is_the_models_own_unless_named_and_the_result_does_not_change(job):
    assert job.run("evaluate", label="approve").returncode == 0
    named = result(job)
    assert job.run("evaluate").returncode == 0
    assert result(job) == named


def test_one_class_only_leaves_the_auc_out(job, data):
    test = job.base / "processing" / "input" / "data" / "test.csv"
    data.write(test, [["1", *row[1:]] for row in data.rows(20, seed=13)])
    assert job.run("evaluate").returncode == 0
    assert set(result(job)["metrics"]["champion"]) == {"accuracy", "f1", "log_loss"}


def test_a_job_without_models_or_without_a_feature_fails_with_the_reason(job, data):
    test = job.base / "processing" / "input" / "data" / "test.csv"
    data.write(test, [row[:3] for row in data.rows(20, seed=14)], ("approve", "income", "debt"))
    assert job.run("evaluate").returncode == 1
    assert "no column 'age'" in job.failure
    shutil.rmtree(job.base / "processing" / "input" / "models")
    assert job.run("evaluate").returncode == 1
    assert "holds no <name>/model.tar.gz" in job.failure


def test_an_archive_that_leads_outside_its_folder_is_refused(job, tmp_path):
    evil = tmp_path / "evil"
    evil.write_text("x")
    archive = job.base / "processing" / "input" / "models" / "champion" / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(evil, "../../evil")
    assert job.run("evaluate").returncode == 1
    assert "no plain file inside the archive" in job.failure


def test_the_program_runs_from_where_the_image_puts_it(trained, data, tmp_path):
    lines = (PROGRAM / "Dockerfile").read_text().splitlines()
    (place,) = [line.split()[2] for line in lines if line.startswith("COPY sklearn_example ")]
    (entry,) = [json.loads(line.removeprefix("ENTRYPOINT ")) for line in lines if line.startswith("ENTRYPOINT ")]
    shutil.copytree(PROGRAM, tmp_path / place.lstrip("/"))
    file = data.write(tmp_path / "rows.csv", data.rows(5, seed=15))
    done = subprocess.run(
        [trained.python, tmp_path / entry[1].lstrip("/"), "score", "--model", trained.base / "model", "--input", file],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
    )
    assert len(done.stdout.splitlines()) == 5


def test_every_rows_scores_stand_beside_its_label_and_its_facets(job, trained, data):
    data.write(job.base / "processing" / "input" / "initial" / "old.csv", data.rows(40, seed=21))
    assert job.run("evaluate", label="approve", facets="age,nobody").returncode == 0
    with (job.base / "processing" / "output" / "scores.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0]) == ["set", "label", "challenger", "champion", "facet:age", "facet:nobody"]
    assert [line["set"] for line in lines] == ["data"] * 300 + ["initial"] * 40
    told = [line for line in lines if line["set"] == "data"]
    truth = [int(line["label"]) for line in told]
    found = result(job)
    for model in ("champion", "challenger"):
        assert found["metrics"][model]["auc"] == pytest.approx(
            roc_auc_score(truth, [float(line[model]) for line in told])
        )
    assert found["initial"]["rows"] == 40
    assert set(found["initial"]["metrics"]) == {"champion", "challenger"}
    assert {line["facet:nobody"] for line in lines} == {""}
    with (job.base / "processing" / "input" / "data" / "test.csv").open() as file:
        assert [line["facet:age"] for line in told] == [line["age"] for line in csv.DictReader(file)]


def test_both_models_are_timed_row_by_row(job):
    assert job.run("evaluate", label="approve").returncode == 0
    told = json.loads((job.base / "processing" / "output" / "latency.json").read_text())
    assert set(told) == {"champion", "challenger"}
    assert all(0 < one["p50"] <= one["p95"] for one in told.values())
