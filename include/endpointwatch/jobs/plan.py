"""What a job is told to do, as one JSON file among its inputs.

SageMaker limits a job's environment values to 256 characters, so the environment only points here:
``job_plan=/opt/ml/processing/input/plan/plan.json``. Without that key the entry point follows AWS's own
one-analysis environment contract instead.

======================  ==============================================================================
path in the job         what lies there
======================  ==============================================================================
``…/input/plan``        this file
``…/input/capture``     captured JSON Lines (monitor, dataset), below their S3 folders
``…/input/dataset``     as ``baseline_dataset_format`` says (baseline)
``…/input/held_out``    the same of rows the model was not trained on (baseline), for monitors that need labels
``…/input/states``      stored windows, below their folders: of one monitor (replay), or below the monitors' own
                        (monitor, where an endpoint's windows are held against earlier ones)
``…/code/…``            the endpoint's scripts: ``preprocessing``, ``postprocessing`` (monitor, baseline)
``…/input/ground_truth``  ground-truth records (dataset; monitor, where a due monitor needs labels)
``…/input/initial``     parts of the original training set, ``train/`` and ``validation/`` (dataset), where the recipe
                        asks for its rows
``…/model``             the model artefact, ``model.tar.gz`` or its files (monitor, baseline); only for attribution
``…/baseline``          the model version's baselines, a folder a monitor (monitor); absent: NO_BASELINE;
                        for replay all versions', a folder a version, or the one that takes their place
``…/output``            everything written; uploaded as it lies
======================  ==============================================================================

(``…`` is ``/opt/ml/processing``, or ``$SAGEMAKER_BASE_DIR/processing``.)
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.replay import Changes, Span
from endpointwatch.config.window import Window

PLAN_PATH = "/opt/ml/processing/input/plan"
CAPTURE_PATH = "/opt/ml/processing/input/capture"
GROUND_TRUTH_PATH = "/opt/ml/processing/input/ground_truth"
STATES_PATH = "/opt/ml/processing/input/states"
DATASET_PATH = "/opt/ml/processing/input/dataset"
INITIAL_PATH = "/opt/ml/processing/input/initial"
HELD_OUT_PATH = "/opt/ml/processing/input/held_out"
MODEL_PATH = "/opt/ml/processing/model"
BASELINE_PATH = "/opt/ml/processing/baseline"
PREPROCESSING_PATH = "/opt/ml/processing/code/preprocessing"
POSTPROCESSING_PATH = "/opt/ml/processing/code/postprocessing"
PROCESSING_PATH = "/opt/ml/processing"
OUTPUT_PATH = "/opt/ml/processing/output"
PLAN_ENVIRONMENT_KEY = "job_plan"


class _Plan(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: Endpoint

    def to_json(self) -> str:
        return self.model_dump_json(indent=2) + "\n"


class MonitorPlan(_Plan):
    """Run every due monitor over one window's captures.

    Writes ``<monitor>/<window.path>/`` with ``statistics.json``, ``constraints.json``, ``constraint_violations.json``,
    the state and ``verdict.json``; when a monitor needs labels also ``merge/<window.path>/``, and the verdict once more
    in ``judgements/``, where those on other labels stay.
    """

    kind: Literal["monitor"] = "monitor"
    window: Window
    monitors: tuple[str, ...] = Field(min_length=1)
    model_version: str
    baseline_id: str | None = None
    input_manifest: str | None = None
    model_data_uri: str | None = Field(None, description="What is mounted as the model artefact.")
    labels_manifest: str | None = Field(
        None, description="SHA-256 over the keys and ETags of the ground-truth objects the job was given."
    )
    labels_closed: bool = Field(
        False, description="No label is waited for any longer: the run says so, since the engine knows no clock."
    )


class BaselinePlan(_Plan):
    """Learn every monitor's baseline: monitors that need labels from the held-out rows, where they are given.

    Writes ``<monitor>/`` with ``statistics.json``, ``constraints.json``, the state and ``baseline.json``
    (what, from where, for which model version). Uploaded to ``Layout.baselines(model_version)``.
    """

    kind: Literal["baseline"] = "baseline"
    monitors: tuple[str, ...] = Field(min_length=1)
    model_version: str
    dataset_uri: str
    held_out_dataset_uri: str | None = None
    model_data_uri: str | None = Field(None, description="What is mounted as the model artefact.")
    learned_at: str = Field(
        description="ISO time of the run that asked for it, so that the file does not read the clock."
    )


class Excluded(BaseModel):
    """A window that was asked for and is left out, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    window: Window
    reason: str


class DatasetPlan(_Plan):
    """Join the windows' captures with their labels and split the rows for training and judging.

    Writes ``train/train.csv``, ``validation/validation.csv``, ``test/test.csv`` (header; label first, then the
    features), ``dataset.json`` with all counts, and ``manifest.json`` with what the parts were made of by
    ``training.recipe``. A row's part follows from a hash of its inference id, so that
    champion and challenger are judged on rows that neither was trained on, however often the data set is built.
    """

    kind: Literal["dataset"] = "dataset"
    windows: tuple[Window, ...] = Field(min_length=1)
    excluded: tuple[Excluded, ...] = ()
    captures_manifest: str | None = Field(None, description="SHA-256 over the keys and ETags of the captures given.")
    labels_manifest: str | None = Field(None, description="The same of the ground-truth objects.")
    test_share: float = Field(0.25, gt=0.0, lt=1.0)
    validation_share: float = Field(0.15, gt=0.0, lt=1.0)


class ReplayPlan(_Plan):
    """Judge stored windows again under other settings, from their states.

    Writes ``replays/<name>/`` with ``replay.json`` and the same as a table, ``replay.txt``.
    """

    kind: Literal["replay"] = "replay"
    monitor: str = "data_quality"
    name: str = Field(description="Follows from what is replayed and how, so that the same replay has one place.")
    changes: Changes
    span: Span = "stored"
    one_baseline: bool = Field(False, description="One baseline for all windows, not each its model version's.")


Plan = Annotated[MonitorPlan | BaselinePlan | DatasetPlan | ReplayPlan, Field(discriminator="kind")]
PLAN: TypeAdapter[MonitorPlan | BaselinePlan | DatasetPlan | ReplayPlan] = TypeAdapter(Plan)
