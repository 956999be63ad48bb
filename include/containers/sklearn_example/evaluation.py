"""``evaluate`` and ``score``: models against data, without a server.

``evaluate`` is a processing job: models from ``processing/input/models/<name>/model.tar.gz``, labelled rows from
``processing/input/data/*.csv``, the label column's name from the environment variable ``label`` (default: the label of
the first model), the result in ``processing/output/evaluation.json``::

    {"rows": 597, "label": "approve", "metrics": {"champion": {"accuracy": ..}, "challenger": {..}}}

With rows in ``processing/input/initial/*.csv``, the original test rows, the document has the same of them under
``initial``. ``processing/output/scores.csv`` has every row's label and every model's score, with the columns that the
environment variable ``facets`` names; ``processing/output/latency.json`` how many milliseconds a model takes to score a
row.

With rows in ``processing/input/baseline/*.csv`` it also writes ``processing/output/baseline.csv``: the scores of the
model ``challenger`` (or of the only one) under the name in the environment variable ``prediction``, then its features,
then the label. That is the data set to learn the model's baselines from: what the endpoint answers and gets, column by
column, and what was true. ``processing/output/held_out.csv`` is the same of the rows that the models are compared on:
how good a model is, and how fair, shows on rows that it was not trained on.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TextIO

from containers.sklearn_example import contract, metrics
from containers.sklearn_example.comparing import latencies, write_scores
from containers.sklearn_example.contract import InputError
from containers.sklearn_example.model import SCORE_DECIMALS, Model, load
from containers.sklearn_example.table import read, read_folder


def evaluate() -> None:
    processing = contract.base() / "processing"
    archives = sorted((processing / "input" / "models").glob("*/model.tar.gz"))
    if not archives:
        raise InputError(f"{processing / 'input' / 'models'} holds no <name>/model.tar.gz")
    with tempfile.TemporaryDirectory() as folder:
        models = {a.parent.name: load(contract.unpack(a, Path(folder) / a.parent.name)) for a in archives}
    label = os.environ.get("label") or next(iter(models.values())).metadata.label  # noqa: SIM112 - as contracted
    sets = {"data": processing / "input" / "data"}
    result = compare(models, sets["data"], label)
    if (initial := processing / "input" / "initial").is_dir():
        sets["initial"] = initial
        result["initial"] = {name: told for name, told in compare(models, initial, label).items() if name != "label"}
    output = processing / "output" / "evaluation.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=2, sort_keys=True) + "\n")
    print(json.dumps(result, sort_keys=True))
    facets = [name for name in os.environ.get("facets", "").split(",") if name]  # noqa: SIM112 - as contracted
    write_scores(models, sets, label, facets, output.with_name("scores.csv"))
    # A file of its own: the others are the same whenever the models are evaluated.
    output.with_name("latency.json").write_text(json.dumps(latencies(models, sets["data"]), sort_keys=True) + "\n")
    rows = processing / "input" / "baseline"
    if rows.is_dir():
        model = models.get("challenger") or next(iter(models.values()))
        prediction = os.environ.get("prediction") or "prediction"  # noqa: SIM112 - as contracted
        write_baseline(model, rows, prediction, output.with_name("baseline.csv"))
        write_baseline(model, processing / "input" / "data", prediction, output.with_name("held_out.csv"))


def write_baseline(model: Model, data: Path, prediction: str, target: Path) -> None:
    """Scores, features and labels of every row of ``data``, in the files' order, as a CSV file with a header.

    All but the scores keep their texts: a whole number that is written with a point would be another type in the
    statistics.

    Raises:
        InputError: There is no file, or a feature or the label is missing.
    """
    names = (*model.metadata.features, model.metadata.label)
    sources = sorted(data.rglob("*.csv"))
    if not sources:
        raise InputError(f"{data} holds no *.csv file")
    with target.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow((prediction, *names))
        for source in sources:
            table = read(source)
            scores = model.scores_of(table)
            with source.open(newline="", encoding="utf-8") as file:
                file.readline()
                if model.metadata.label not in table.columns:
                    raise InputError(f"{source} has no label {model.metadata.label!r}")
                cells = (dict(zip(table.columns, row, strict=True)) for row in csv.reader(file) if row)
                writer.writerows(
                    (f"{score:.{SCORE_DECIMALS}f}", *(row[name] for name in names))
                    for score, row in zip(scores, cells, strict=True)
                )


def compare(models: dict[str, Model], data: Path, label: str) -> dict[str, object]:
    """Every model on the same rows; the document described above."""
    rows = read_folder(data)
    truth = metrics.labels(rows.column(label), label)
    measured = {name: metrics.compute(truth, model.scores_of(rows)) for name, model in models.items()}
    return {"rows": len(rows.values), "label": label, "metrics": measured}


def score(model: Path, source: Path, out: TextIO = sys.stdout) -> None:
    """One score a line for each row of a CSV file with a header, in its order; columns are found by name."""
    out.writelines(f"{value:.{SCORE_DECIMALS}f}\n" for value in load(model).scores_of(read(source)))
