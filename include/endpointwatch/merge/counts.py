"""What became of every capture and of every label: nothing is lost between the input and the merged records."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from endpointwatch import __version__
from endpointwatch.capture.accounting import SetAside
from endpointwatch.config.window import Window


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Captures(_Part):
    """``read = captures + outside_window + skipped + set_aside`` and ``captures = matched + unmatched``.

    A capture is one request, however many rows it has.
    """

    read: int = 0
    captures: int = 0
    matched: int = 0
    unmatched: int = 0
    outside_window: int = 0
    skipped: int = Field(0, description="Shadow traffic, which no caller saw.")
    set_aside: int = 0


class Labels(_Part):
    """``read = labels + set_aside`` and ``labels = used + duplicate + unknown + conflicting``.

    Of the records of one id the last delivered counts: it is used, or unknown when nothing was captured under its id.
    Of the others, those that say the same are duplicates, those that say something else are in conflict with it.
    """

    read: int = 0
    labels: int = 0
    used: int = 0
    duplicate: int = 0
    unknown: int = 0
    conflicting: int = 0
    set_aside: int = 0


class Conflict(_Part):
    """An id that was labelled differently."""

    id: str
    used: str = Field(description="The label delivered last.")
    others: tuple[str, ...] = Field(description="The other labels, each once, by text.")


class Merged(_Part):
    """``merge.json``: a pure function of the captures and the labels."""

    version: str = "1"
    window: Window | None = None
    captures: Captures = Captures()
    labels: Labels = Labels()
    conflicts: tuple[Conflict, ...] = Field((), description="The first hundred, by a hash of the id.")
    set_aside: tuple[SetAside, ...] = Field((), description="The first hundred label records that are none, and why.")
    captures_set_aside: tuple[SetAside, ...] = ()
    labels_manifest: str | None = None
    files: tuple[str, ...] = Field((), description="The merged files, below the folder of the merged records.")
    analyzer_version: str = __version__

    @property
    def coverage(self) -> float | None:
        """The share of captures that have a label; None without captures."""
        return self.captures.matched / self.captures.captures if self.captures.captures else None

    def to_json(self) -> str:
        """The file's exact text: the same merge always gives the same bytes."""
        return self.model_dump_json(indent=2) + "\n"
