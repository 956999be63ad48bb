"""What every part of an endpoint's file shares: it is frozen, and it refuses what it does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

S3Uri = Annotated[str, Field(pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?$", examples=["s3://bucket/prefix"])]
DatasetFormat = Literal["csv", "csv_without_header", "json", "json_lines", "parquet"]
MonitorKind = Literal["data_quality", "model_quality", "bias", "attribution"]
Switch = Literal["Enabled", "Disabled"]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    """A part of the file. Frozen, and it refuses what it does not know.

    Attributes:
        moved: Keys that were once here, and what to write instead.
    """

    moved: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(extra="forbid", frozen=True)
