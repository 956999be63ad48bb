"""``train``: channels and hyperparameters in, ``/opt/ml/model`` out, metrics on standard output.

Hyperparameters: ``label`` (default: the first column), ``features`` (comma-separated, in the order of a request's
cells; default: every column but the label) and ``estimator`` (default: ``hist_gradient_boosting``).
Channels: ``train``, and ``validation`` if there is one; CSV with a header.
Metrics are printed as ``validation:auc=0.9123;``, for a MetricDefinition with the regex ``validation:auc=([0-9.]+);``.
"""

from __future__ import annotations

from pathlib import Path

from containers.sklearn_example import contract, metrics
from containers.sklearn_example.model import Metadata, Model, estimator
from containers.sklearn_example.table import Table, read_folder

MIN_CLASSES = 2


def train() -> None:
    settings = contract.hyperparameters()
    channels = contract.base() / "input" / "data"
    data = read_folder(channels / "train")
    label = settings.get("label") or data.columns[0]
    name = settings.get("estimator") or "hist_gradient_boosting"
    features = tuple(feature.strip() for feature in settings.get("features", "").split(",") if feature.strip())
    model, about = fit(data, label, name, features)
    shown = {f"train:{metric}": value for metric, value in about.items()}
    if (channels / "validation").is_dir():
        validation = read_folder(channels / "validation")
        truth = metrics.labels(validation.column(label), label)
        measured = metrics.compute(truth, model.scores_of(validation))
        shown |= {f"validation:{metric}": value for metric, value in measured.items()}
    print(f"rows={len(data.values)} features={len(model.metadata.features)} label={label} estimator={name}")
    for metric, value in shown.items():
        print(f"{metric}={value:.4f};")
    save(model, shown, contract.base() / "model")


def fit(data: Table, label: str, name: str, features: tuple[str, ...] = ()) -> tuple[Model, dict[str, float]]:
    """A model of ``data`` and its metrics on the same rows; without ``features`` every column but the label is one."""
    truth = metrics.labels(data.column(label), label)
    if len(set(truth)) < MIN_CLASSES:
        raise contract.InputError(f"Label {label!r} has one class only in the training data; two are needed")
    features = features or tuple(column for column in data.columns if column != label)
    if not features:
        raise contract.InputError(f"The training data have no column besides the label {label!r}")
    model = Model(
        estimator(name).fit(data.select(features), truth), Metadata(label, features, name, len(data.values), {})
    )
    return model, metrics.compute(truth, model.scores_of(data))


def save(model: Model, shown: dict[str, float], folder: Path) -> None:
    about = model.metadata
    Model(model.estimator, Metadata(about.label, about.features, about.estimator, about.rows, shown)).save(folder)
