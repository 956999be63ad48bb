"""Where an endpoint's labels come from, how a record of them is read, and when a window has enough of them."""

from __future__ import annotations

from pydantic import Field, field_validator

from endpointwatch.config.section import S3Uri, Section, Share

KEY = r"^[^.\s]+(\.[^.\s]+)*$"


class LabelRecord(Section):
    """How a label record is read: by default as Model Monitor's ground-truth record."""

    id: str = Field(
        "eventMetadata.eventId",
        pattern=KEY,
        description="Keys, joined by dots, to the inference id (where the caller gave none, the event id).",
        examples=["inferenceId"],
    )
    data: str = Field(
        "groundTruthData.data",
        pattern=KEY,
        description="Keys to the label: one value, or text of one or more.",
        examples=["actualLabel"],
    )
    encoding: str = Field(
        "groundTruthData.encoding",
        pattern=KEY,
        description="Keys to CSV or JSON, which the label's text is; records without it are CSV.",
    )


class LabelWait(Section):
    """How long a window's first judgement waits for labels; all its monitors wait with it."""

    coverage: Share = Field(0.95, description="Go on once this share of the captured inferences has a label.")
    hours: int = Field(24, ge=1, description="Go on so long after the window's end, whatever labels came.")


class GroundTruth(Section):
    """Labels below `uri`, in Model Monitor's layout: a folder an hour, `yyyy/mm/dd/hh`, in which they became known."""

    uri: S3Uri
    record: LabelRecord = Field(LabelRecord(), description="How a label record is read, where it is not AWS's.")
    minimum_coverage: Share = Field(
        0.95, description="From this share of labelled inferences on, a verdict that needs labels is final."
    )
    maximum_age_hours: int = Field(
        168, ge=1, description="So long after the window's end its verdict is final, whatever labels came."
    )
    schedule: str = Field("20 * * * *", description="When windows that wait are looked through for labels; UTC cron.")
    wait: LabelWait | None = Field(
        None, description="Let the monitor DAG wait for labels; null judges at once, and again when labels come."
    )
    minimum_labels: int = Field(1, ge=1, description="With fewer labelled inferences nothing is judged.")

    @field_validator("uri")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        return value.rstrip("/")
