"""Whether a retraining that was asked for still makes sense, and what it starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from endpointwatch.actions.comparison import CHALLENGER
from endpointwatch.config.window import Window
from endpointwatch.errors import DatasetError


class RetrainRequest(BaseModel):
    """The form of the retrain DAG, filled in by a decision or by a person."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    windows: tuple[Window, ...] = Field((), description="Windows whose captures and labels are trained and judged on.")
    decision: str = Field("", description="S3 URI of the decision that asked for it.")
    model_version: str = Field("", description="The model version the decision was about; empty: whichever is live.")
    reason: str = Field("", description="In a person's words.")

    @field_validator("windows", mode="before")
    @classmethod
    def _no_windows(cls, value: Any) -> Any:
        return () if value is None else value

    @field_validator("decision", "model_version", "reason", mode="before")
    @classmethod
    def _nothing_said(cls, value: Any) -> Any:
        # An empty field of Airflow's form arrives as null.
        return "" if value is None else value


class Champion(BaseModel):
    """The model version that serves the endpoint now."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model_version: str = Field(description="Its SageMaker model name.")
    model_data_url: str = Field(description="S3 URI of its model.tar.gz.")
    endpoint_config: str
    model_package_arn: str | None = Field(None, description="None when the model was not made from the registry.")


class Retraining(BaseModel):
    """A retraining that was admitted: what every later step of the same run needs to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: str = Field(description="Folder name of what the run makes.")
    request: RetrainRequest
    champion: Champion | None = None

    @property
    def word(self) -> str:
        """``first`` or ``challenger``, for names that people read."""
        return CHALLENGER if self.champion else "first"


@dataclass(frozen=True, slots=True)
class Admission:
    """Go ahead or stand down, and why, in a sentence for the log."""

    admitted: bool
    reason: str


def admit(request: RetrainRequest, champion: Champion | None, *, endpoint: str) -> Admission:
    """Whether to train a challenger now.

    A decision is about one model version: if another one serves by now, it has been answered already, and a second
    retraining on the same windows would only cost money.

    Args:
        request: What was asked for.
        champion: The live model version; None when the endpoint does not exist yet.
        endpoint: Its name, for the texts.

    Raises:
        DatasetError: What was asked for names no rows to train on.
    """
    if champion is None:
        if request.model_version:
            return Admission(
                admitted=False,
                reason=f"Endpoint {endpoint!r} is gone, so {request.model_version!r} needs no challenger.",
            )
        if request.windows:
            raise DatasetError(
                f"Endpoint {endpoint!r} does not exist, so nothing was captured in the {len(request.windows)} windows "
                "given. Leave `windows` empty: the first version is trained from `training.initial_dataset_uri`."
            )
        return Admission(admitted=True, reason=f"Endpoint {endpoint!r} does not exist yet: training its first version.")
    if request.model_version and request.model_version != champion.model_version:
        return Admission(
            admitted=False,
            reason=(
                f"Asked to answer drift of {request.model_version!r}, but {champion.model_version!r} serves "
                f"{endpoint!r} by now; the new version's own windows decide about it."
            ),
        )
    if not request.windows:
        raise DatasetError(
            f"Endpoint {endpoint!r} is served by {champion.model_version!r}; a challenger needs `windows` "
            "(a list of {start, end}) whose captures and labels it is trained and judged on."
        )
    return Admission(admitted=True, reason=f"Training a challenger to {champion.model_version!r}.")
