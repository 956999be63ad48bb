"""The one typed answer of a monitor for a window, and the file it is kept in (``verdict.json``)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from endpointwatch import __version__
from endpointwatch.capture.accounting import Rows, SetAside
from endpointwatch.config.window import Window
from endpointwatch.merge.counts import Labels
from endpointwatch.monitors.findings import AttributionFindings, Distance, Metric, Violation

__all__ = ["REMEDIES", "Distance", "Metric", "Rows", "SetAside", "Status", "Verdict", "Violation", "no_answer"]

Status = Literal[
    "OK",
    "VIOLATIONS",
    "PROVISIONAL",
    "NO_DATA",
    "TOO_FEW_ROWS",
    "CAPTURE_OFF",
    "CAPTURE_LAGGING",
    "LABELS_MISSING",
    "NO_BASELINE",
    "ENCODING_MIXED",
    "SCHEMA_CHANGED",
    "JOB_FAILED",
]

REMEDIES: dict[Status, str] = {
    "OK": "Nothing to do.",
    "VIOLATIONS": "Look at the violations; the decision of this window says what was done about them.",
    "PROVISIONAL": "Wait: labels are still arriving, the window is judged again when they are in.",
    "NO_DATA": "Nothing was captured in this window. Expected without traffic; otherwise check the endpoint's metrics.",
    "TOO_FEW_ROWS": "Wait for a longer window, or lower `minimum_rows` of the monitor.",
    "CAPTURE_OFF": "Run the endpoint's onboard DAG: it switches data capture on as the YAML declares it.",
    "CAPTURE_LAGGING": "Clear this run later, or raise `capture.settle_seconds`.",
    "LABELS_MISSING": "Deliver ground truth for this window, then clear this run.",
    "NO_BASELINE": "Run the endpoint's onboard DAG: it learns a baseline for the model version that serves.",
    "ENCODING_MIXED": "List the content type under `capture.csv_content_types` or `capture.json_content_types`; "
    "where JSON is nested, say under the monitor's `json_payloads` where rows and columns stand.",
    "SCHEMA_CHANGED": "Baseline again if the model's input changed on purpose; otherwise look at the callers.",
    "JOB_FAILED": "Read the job's log, linked from the task.",
}


class Verdict(BaseModel):
    """Small, versioned, and a pure function of the window's inputs: no clock, no job name, no random number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal["1"] = "1"
    endpoint: str
    monitor: str
    window: Window
    status: Status
    model_version: str | None = None
    baseline_id: str | None = None
    rows: Rows = Rows()
    label_coverage: float | None = Field(
        None, description="The share of captured inferences with a label; null for monitors that need none."
    )
    labels: Labels | None = Field(None, description="What became of the label records; null where none are needed.")
    violations: tuple[Violation, ...] = ()
    distances: tuple[Distance, ...] = ()
    metrics: tuple[Metric, ...] = ()
    attribution: AttributionFindings | None = Field(None, description="Of the attribution monitor alone.")
    set_aside: tuple[SetAside, ...] = ()
    evidence: str = Field("", description="What the status rests on, in a sentence.")
    remedy: str = ""
    analyzer_version: str = __version__
    input_manifest: str | None = Field(None, description="SHA-256 over the keys and ETags of the objects read.")
    labels_manifest: str | None = Field(None, description="The same over the ground-truth objects: the labels it saw.")

    def to_json(self) -> str:
        """The file's exact text: the same verdict always gives the same bytes."""
        return self.model_dump_json(indent=2) + "\n"


def no_answer(
    status: Status, *, endpoint: str, monitor: str, window: Window, evidence: str, model_version: str | None = None
) -> Verdict:
    """A verdict for a window about which nothing can be said, and why."""
    return Verdict(
        endpoint=endpoint,
        monitor=monitor,
        window=window,
        status=status,
        model_version=model_version,
        evidence=evidence,
        remedy=REMEDIES[status],
    )
