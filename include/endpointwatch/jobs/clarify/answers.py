"""A model's answers for a data set that has none: those of its artefact, where the job was given one.

Clarify starts a temporary endpoint from ``predictor.model_name``; this analyzer loads the model's artefact instead.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from endpointwatch.errors import PlanError
from endpointwatch.jobs.clarify.config import AnalysisConfig
from endpointwatch.jobs.clarify.table import PREDICTED, DataSet
from endpointwatch.jobs.container import Container
from endpointwatch.jobs.plan import MODEL_PATH

#: Above it an answer is positive where the configuration does not say.
THRESHOLD = 0.5


def answered(config: AnalysisConfig, data: DataSet, container: Container) -> tuple[AnalysisConfig, DataSet]:
    """The data set with the model's scores, and the configuration with the threshold that makes labels of them.

    Raises:
        PlanError: The job has no model, or one with several outputs.
        ModelError: The model cannot be loaded, or not be asked.
    """
    if not container.path(MODEL_PATH).is_dir():
        raise PlanError(
            "post_training_bias needs the model's answers: name their column in `predicted_label`, give them as "
            f"`predicted_label_dataset_uri`, or give the job an input with the model's model.tar.gz at {MODEL_PATH}. "
            "This analyzer starts no endpoint from `predictor.model_name`."
        )
    from endpointwatch.jobs.models import artefact  # noqa: PLC0415 (heavy, and most jobs do without it)

    texts = np.array(data.rows.select(pl.col(data.features).cast(pl.String)).rows(), object)
    with tempfile.TemporaryDirectory() as scratch:
        model = artefact.load(container.path(MODEL_PATH), data.features, Path(scratch))
        scores = model.predict(model.matrix(texts))
    if scores.shape[1] != 1:
        raise PlanError(f"The model answers with {scores.shape[1]} numbers a row; bias needs one score, or labels.")
    rows = data.rows.with_columns(pl.Series(PREDICTED, scores[:, 0]))
    threshold = config.probability_threshold if config.probability_threshold is not None else THRESHOLD
    return config.model_copy(update={"probability_threshold": threshold}), replace(data, rows=rows, predicted=PREDICTED)
