"""Build the data set that a challenger is trained and judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from endpointwatch.actions.admission import Retraining
from endpointwatch.actions.artifacts import Artifacts, initial_dataset
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from endpointwatch.errors import ConfigError
from endpointwatch.jobs.plan import CAPTURE_PATH, GROUND_TRUTH_PATH, INITIAL_PATH, OUTPUT_PATH, DatasetPlan
from endpointwatch_airflow.captured import capture_root, captured, manifest, manifest_hash
from endpointwatch_airflow.errors import MissingResultError
from endpointwatch_airflow.hooks.answers import Outcome, Request, StoredObject
from endpointwatch_airflow.labelled import labels_since
from endpointwatch_airflow.operators.planned import PlannedJobOperator
from endpointwatch_airflow.operators.requests import Mount, Upload, planned_processing
from endpointwatch_airflow.operators.retraining import training_of
from endpointwatch_airflow.selection import sorted_out


class BuildDatasetOperator(PlannedJobOperator):
    """One processing job that joins the windows' captures with their labels and splits the rows.

    Skipped for a first version: nothing was captured yet, and the YAML names its data set.

    Args:
        endpoint: The endpoint whose captures and labels are joined.
        retraining: What :class:`AdmitRetrainingOperator` admitted (templated).
        kwargs: As :class:`PlannedJobOperator` takes them.

    Returns:
        ``dataset_uri`` (the folder with ``train/``, ``validation/``, ``test/`` and ``dataset.json``), ``manifest_uri``
        and ``job``.
    """

    work = "dataset"
    template_fields: Sequence[str] = aws_template_fields("endpoint_name", "retraining")
    ui_color = "#d8e4f0"

    def __init__(self, *, endpoint: Endpoint, retraining: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(endpoint=endpoint, **kwargs)
        self.retraining = retraining

    def execute(self, context: Context) -> Any:
        if self._admitted().champion is None:
            raise AirflowSkipException(
                "A first version is trained on `training.initial_dataset_uri`: nothing to build."
            )
        return super().execute(context)

    def subject(self, context: Context) -> str:  # noqa: ARG002 - as the base class has it
        windows = self._admitted().request.windows
        return f"{min(window.start for window in windows):%Y%m%d%H%M}-{len(windows)}w"

    def request(self, context: Context, job: str) -> Request:  # noqa: ARG002 - as the base class has it
        retraining = self._admitted()
        windows, excluded = sorted_out(
            self.store, self.endpoint, training_of(self.endpoint), retraining.request.windows
        )
        for one in excluded:
            self.log.warning("%s is left out: %s", one.window, one.reason)
        captures, labels = self._captures(windows), self._labels(windows)
        self.log.info("%d windows: %d capture objects, %d label objects", len(windows), len(captures), len(labels))
        folder = Layout.of(self.endpoint).job(job)
        files = {
            "plan.json": DatasetPlan(
                endpoint=self.endpoint,
                windows=windows,
                excluded=excluded,
                captures_manifest=manifest_hash(captures),
                labels_manifest=manifest_hash(labels),
            ).to_json(),
            "captures.manifest": manifest(capture_root(self.endpoint), captures),
            "labels.manifest": manifest(self._label_root(), labels),
        }
        for name, text in files.items():
            self.store.write(f"{folder}/{name}", text)
        return planned_processing(
            self.endpoint,
            plan_uri=f"{folder}/plan.json",
            mounts=[
                Mount("capture", f"{folder}/captures.manifest", CAPTURE_PATH, manifest=True),
                Mount("ground_truth", f"{folder}/labels.manifest", GROUND_TRUTH_PATH, manifest=True),
                *self._initial(),
            ],
            uploads=[Upload("dataset", OUTPUT_PATH, self._output())],
        )

    def succeeded(self, context: Context, outcome: Outcome) -> dict[str, str]:  # noqa: ARG002 - as the base class has it
        counts = self.store.read(f"{self._output()}/dataset.json")
        if counts is None:
            raise MissingResultError(f"Job {outcome.name} completed, but wrote no {self._output()}/dataset.json.")
        self.log.info("Data set %s: %s", self._output(), counts)
        return {
            "dataset_uri": self._output(),
            "manifest_uri": Artifacts.of(self.endpoint, self._admitted().run).dataset.manifest,
            "job": outcome.name,
        }

    def _initial(self) -> list[Mount]:
        """The original training set's parts, where the recipe asks for their rows and there are any."""
        if training_of(self.endpoint).recipe.recent_share == 1:
            return []
        dataset = initial_dataset(self.endpoint)
        parts = {"train": dataset.train, "validation": dataset.validation}
        return [
            Mount(f"initial_{name}", uri, f"{INITIAL_PATH}/{name}")
            for name, uri in parts.items()
            if next(iter(self.store.objects(uri)), None) is not None
        ]

    def _captures(self, windows: tuple[Window, ...]) -> tuple[StoredObject, ...]:
        # Windows that share a clock hour share its objects; a manifest names each once.
        found = {item.key: item for window in windows for item in captured(self.store, self.endpoint, window)}
        if not found:
            raise MissingResultError(
                f"Nothing was captured below {capture_root(self.endpoint)} in the {len(windows)} windows from "
                f"{min(window.start for window in windows):%Y-%m-%dT%H:%MZ} on. Give windows that had traffic."
            )
        return tuple(found[key] for key in sorted(found))

    def _labels(self, windows: tuple[Window, ...]) -> tuple[StoredObject, ...]:
        found = labels_since(self.store, self._label_root(), windows)
        if not found:
            raise MissingResultError(
                f"There are no labels below {self._label_root()} from "
                f"{min(window.start for window in windows):%Y-%m-%dT%H:%MZ} on. Deliver ground truth, then clear "
                "this task."
            )
        return found

    def _label_root(self) -> str:
        root = self.endpoint.training_labels
        if root is None:
            raise ConfigError(f"Endpoint {self.endpoint.name!r} has no `training` section, so no labels to train on.")
        return root

    def _admitted(self) -> Retraining:
        return Retraining.model_validate(self.retraining)

    def _output(self) -> str:
        return Artifacts.of(self.endpoint, self._admitted().run).dataset.root
