"""The one typed answer of a monitor for a window, and the file it is kept in (``verdict.json``)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from endpointwatch import __version__
from endpointwatch.capture.accounting import Rows, SetAside
from endpointwatch.config.status import Status
from endpointwatch.config.window import Window
from endpointwatch.merge.counts import Labels
from endpointwatch.monitors.findings import AttributionFindings, Distance, Estimate, Metric, Violation

__all__ = [
    "REMEDIES",
    "Distance",
    "Estimate",
    "Metric",
    "Rows",
    "SetAside",
    "Status",
    "Verdict",
    "Violation",
    "no_answer",
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


class LeftOut(BaseModel):
    """An earlier window that was not added up, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    window: str
    reason: str


class Reference(BaseModel):
    """What a window's distributions were held against where the endpoint's file asks for earlier windows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = Field(description="`rolling` or `same_hour_last_weeks`.")
    held_against: Literal["earlier_windows", "learnt_baseline", "nothing"]
    windows: tuple[str, ...] = Field((), description="The windows whose states were added up, the oldest first.")
    rows: int = Field(0, description="Of those windows.")
    left_out: tuple[LeftOut, ...] = ()


class Segment(BaseModel):
    """What is said about the rows of one value of a column."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: str | None = Field(description="Null: the rows without a value.")
    folder: str = Field(description="Where its files lie, below the window's.")
    rows: int
    status: Status
    violations: int = 0
    drifted: tuple[str, ...] = Field((), description="The most drifted features, the farthest first.")


class Segments(BaseModel):
    """The window's rows parted by the values of a column."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    alarm: Literal["Enabled", "Disabled"] = Field("Enabled", description="Whether they decide the window's status.")
    segments: tuple[Segment, ...] = ()
    other_rows: int = Field(0, description="Rows of values beyond the maximum; described, not judged.")
    other_values: int = Field(0, description="How many different values these are, estimated.")
    note: str = Field("", description="Why there are no segments.")

    @property
    def violated(self) -> tuple[Segment, ...]:
        """The segments with violations."""
        return tuple(segment for segment in self.segments if segment.violations)


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
    estimates: tuple[Estimate, ...] = Field(
        (), description="Performance estimated from probabilities, beside what is measured; nothing is judged on it."
    )
    attribution: AttributionFindings | None = Field(None, description="Of the attribution monitor alone.")
    set_aside: tuple[SetAside, ...] = ()
    reference: Reference | None = Field(None, description="None: the baseline that was learnt for the model version.")
    segments: Segments | None = None
    evidence: str = Field("", description="What the status rests on, in a sentence.")
    remedy: str = ""
    analyzer_version: str = __version__
    input_manifest: str | None = Field(None, description="SHA-256 over the keys and ETags of the objects read.")
    labels_final: bool | None = Field(
        None, description="Whether no label can change it any more: enough came, or time is up. Null: none are needed."
    )
    labels_manifest: str | None = Field(None, description="The same over the ground-truth objects: the labels it saw.")

    @property
    def segment_violations(self) -> int:
        """The violations of all segments, where they decide the verdict."""
        told = self.segments
        return sum(one.violations for one in told.violated) if told and told.alarm == "Enabled" else 0

    @property
    def waits_for_labels(self) -> bool:
        """Whether labels that are still to come can change it."""
        return self.labels_final is False

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
