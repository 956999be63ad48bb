"""Late labels as a state: what a verdict that needs labels is worth while they are still arriving."""

from __future__ import annotations

import math
from dataclasses import dataclass

from endpointwatch.config.ground_truth import GroundTruth
from endpointwatch.merge.counts import Merged
from endpointwatch.reports.verdict import REMEDIES, Status, Verdict


@dataclass(frozen=True, slots=True)
class WindowLabels:
    """What is known about a window's labels.

    Attributes:
        merged: The merge's counts.
        limits: When the labels suffice.
        manifest: SHA-256 over the keys and ETags of the label objects that were read.
        closed: No label is waited for any longer: the window is older than the limit.
    """

    merged: Merged
    limits: GroundTruth
    manifest: str | None = None
    closed: bool = False

    @property
    def coverage(self) -> float | None:
        """The share of captured inferences that have a label; None when nothing was captured."""
        return self.merged.coverage

    @property
    def final(self) -> bool:
        """Whether a verdict on these labels stays as it is: enough have come, or no more are waited for."""
        return self.closed or (
            self.coverage is not None
            and self.coverage >= self.limits.minimum_coverage
            and self.merged.captures.matched >= self.limits.minimum_labels
        )


def settled(verdict: Verdict, labels: WindowLabels) -> Verdict:
    """The verdict as the labels allow it: ``PROVISIONAL`` while they arrive, ``LABELS_MISSING`` when none came in time.

    Call it on the verdict over the labelled rows. Violations, distances and metrics of a provisional verdict are those
    so far. Whatever else is wrong with the window (no captures, no baseline, no readable payloads) is told as it is,
    except that without a single label nothing of that can be known.

    Args:
        verdict: On the rows that have a label.
        labels: What is known about the window's labels.
    """
    status, evidence = _state(verdict, labels)
    # What was said about the window itself may have a remedy of its own.
    own = verdict.remedy if status == verdict.status and verdict.evidence in evidence else ""
    faults = (*verdict.set_aside, *(one for one in labels.merged.set_aside if one not in verdict.set_aside))
    return verdict.model_copy(
        update={
            "status": status,
            "evidence": evidence + _notes(labels.merged),
            "remedy": own or REMEDIES[status],
            "label_coverage": labels.coverage,
            "labels": labels.merged.labels,
            "labels_manifest": labels.manifest,
            "labels_final": labels.final,
            "set_aside": faults,
        }
    )


def _state(verdict: Verdict, labels: WindowLabels) -> tuple[Status, str]:
    captures, limits = labels.merged.captures, labels.limits
    if not captures.captures:
        return verdict.status, verdict.evidence
    share = f"{captures.matched} of {captures.captures} inferences have a label ({percent(labels.coverage or 0.0)})"
    if labels.closed and not captures.matched:
        return "LABELS_MISSING", f"{share}, and none came within {limits.maximum_age_hours} hours."
    judged = verdict.status in ("OK", "VIOLATIONS", "TOO_FEW_ROWS")
    if not labels.final and (judged or not captures.matched):
        least = f", and {limits.minimum_labels} labels" if limits.minimum_labels > 1 else ""
        so_far = f" So far: {verdict.evidence}" if captures.matched else ""
        return "PROVISIONAL", f"{share}; final from {percent(limits.minimum_coverage)} on{least}.{so_far}"
    if judged and captures.matched < limits.minimum_labels:
        return "TOO_FEW_ROWS", f"{share}, fewer than ground_truth.minimum_labels = {limits.minimum_labels}."
    return verdict.status, f"{verdict.evidence} {share}."


def _notes(merged: Merged) -> str:
    """What is odd about the labels, in a sentence; nothing when they are all well."""
    first = "".join(f" (the first: {one.file}:{one.line}: {one.reason})" for one in merged.set_aside[:1])
    told = [
        f"{count} {what}"
        for count, what in (
            (merged.labels.set_aside, f"could not be read{first}"),
            (merged.labels.conflicting, "say something else than a later one of the same id"),
        )
        if count
    ]
    return f" Of {merged.labels.read} label records {' and '.join(told)}." if told else ""


def percent(share: float) -> str:
    """A share in whole percent, rounded down: what is not reached is never shown as reached."""
    # 0.29 * 100 is 28.999…; what a share of two counts lacks to a whole percent is never that little.
    return f"{math.floor(share * 100 + 1e-9)} %"
