"""Clarify's bias job: where answers come from, and what ends it with a reason."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from attribution_models import FEATURES, archive, pipeline, rows

CONFIG = {
    "dataset_type": "text/csv",
    "headers": [*FEATURES, "approved"],
    "label": "approved",
    "label_values_or_threshold": [1],
    "facet": [{"name_or_index": "age", "value_or_threshold": [40]}],
    "methods": {"post_training_bias": {"methods": ["DPPL", "AD"]}},
}


def data(count: int = 200) -> str:
    cells = [",".join(map(str, [*row, int(row[0] > 200)])) for row in rows(count, seed=7)]
    return "\n".join(cells) + "\n"


def run(job, config, **files: str | bytes):
    job.put("input/config/analysis_config.json", json.dumps(config))
    for name, content in files.items():
        job.put(name.replace("__", "/").replace("_csv", ".csv").replace("_gz", ".tar.gz"), content)
    return job.run_with({})


def metric(job, name: str) -> float:
    (age,) = job.document("analysis.json")["post_training_bias_metrics"]["facets"]["age"]
    return next(one["value"] for one in age["metrics"] if one["name"] == name)


@pytest.mark.parametrize("threshold", [None, 0.7])
def test_a_data_set_without_answers_gets_those_of_the_models_artefact(job, threshold):
    model, told = pipeline(), job()
    config = CONFIG if threshold is None else {**CONFIG, "probability_threshold": threshold}
    assert run(told, config, input__data__rows_csv=data(), model__model_gz=archive(model)) == 0, told.message
    inputs = rows(200, seed=7)
    accepted = model.predict_proba(inputs)[:, 1] > (threshold or 0.5)
    old = inputs[:, 2] > 40
    assert metric(told, "DPPL") == pytest.approx(accepted[~old].mean() - accepted[old].mean())


def test_answers_of_their_own_are_joined_by_key_in_whatever_order_they_come(job):
    lines = data(50).splitlines()
    answers = [(number, int(number % 3 == 0)) for number in range(50)]
    config = {
        **CONFIG,
        "headers": ["id", *CONFIG["headers"]],
        "joinsource_name_or_index": "id",
        "predicted_label_dataset_uri": "s3://bucket/answers.csv",
        "predicted_label_headers": ["id", "said"],
        "predicted_label": "said",
    }
    values = []
    for order in (answers, answers[::-1]):
        told = job()
        keyed = "\n".join(f"{number},{line}" for number, line in enumerate(lines)) + "\n"
        beside = "".join(f"{number},{said}\n" for number, said in order)
        assert run(told, config, input__data__rows_csv=keyed, input__answers__answers_csv=beside) == 0, told.message
        values.append(metric(told, "DPPL"))
    old = rows(50, seed=7)[:, 2] > 40
    said = [answer for _, answer in answers]
    share = [
        sum(s for s, o in zip(said, old, strict=True) if bool(o) == side) / sum(old == side) for side in (True, False)
    ]
    assert values == pytest.approx([share[1] - share[0]] * 2)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, "post_training_bias needs the model's answers"),
        ({"facet": []}, "Bias needs a facet"),
        (
            {"facet": [{"name_or_index": "sex"}], "predicted_label": "ratio"},
            "facet.name_or_index is 'sex', but the data has the columns",
        ),
        ({"label_values_or_threshold": None}, "Bias needs `label` and `label_values_or_threshold`"),
        ({"headers": ["a", "b"]}, "headers has 2 names"),
        ({"methods": {"post_training_bias": {"methods": ["XX"]}}, "predicted_label": "ratio"}, "has ['XX']"),
        ({"methods": {"pdp": {}}}, "methods.pdp, which this version does not do"),
        ({"predicted_label_dataset_uri": "s3://bucket/gone.csv"}, "gone.csv is not among the job's inputs"),
        ({"dataset_type": "application/x-image"}, "dataset_type application/x-image"),
        ({"label": 9}, "label is 9"),
    ],
)
def test_what_cannot_be_done_ends_the_job_with_what_is_wrong_and_how_to_mend_it(job, change, reason):
    told = job()
    config = {key: value for key, value in {**CONFIG, **change}.items() if value is not None}
    assert run(told, config, input__data__rows_csv=data(20)) == 255
    assert reason in told.message
    assert not (told.output / "analysis.json").exists()
