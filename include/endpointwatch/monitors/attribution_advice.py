"""What to do about attribution drift, by rule, from what data quality found in the same window.

========================================================  ==========================================================
data quality of the window                                first step
========================================================  ==========================================================
values missing, of another type or unknown                mend the data: a model must not be trained on it
distributions drifted                                     investigate that shift; if the world moved, retrain
nothing found                                             features moved together, or callers did: revisit features
no verdict                                                let data quality run in the same job, then look again
========================================================  ==========================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from endpointwatch.monitors.findings import AttributionChange, Violation

DRIFT = "baseline_drift_check"
NAMED = 3
DOMINANT = 0.5


@dataclass(frozen=True, slots=True)
class Quality:
    """Data quality's answer on the same window.

    Attributes:
        status: Of its verdict.
        violations: Broken constraints.
    """

    status: str
    violations: tuple[Violation, ...] = ()


def next_steps(changes: Sequence[AttributionChange], quality: Quality | None, *, drifted: bool) -> tuple[str, ...]:
    """The recommended steps, the first to do first; () when nothing drifted.

    Args:
        changes: What became of the features, the largest change of share first.
        quality: Data quality's answer; None when there is none for this window.
        drifted: Whether an NDCG is below its threshold.
    """
    if not drifted:
        return ()
    moved = _names(change.feature_name for change in changes if change.rank != change.baseline_rank)
    steps = [*_by_quality(changes, quality, moved)]
    if heavy := [change for change in changes if change.share > DOMINANT >= change.baseline_share]:
        share = f"{heavy[0].share:.0%}"
        steps.append(
            f"Revisit features: {heavy[0].feature_name} alone now carries {share} of the attribution; see whether it "
            "is scaled, clipped and encoded as in training."
        )
    return tuple(steps)


def _by_quality(changes: Sequence[AttributionChange], quality: Quality | None, moved: str) -> list[str]:
    if quality is None or quality.status not in ("OK", "VIOLATIONS"):
        why = "gave no verdict on this window" if quality is None else f"could not judge this window ({quality.status})"
        first = (
            f"Investigate the shift: data quality {why}, so whether the inputs of {moved} moved is not known. List "
            "`data_quality` beside `attribution` and run the window again."
        )
        return [first, "Retrain only once the inputs are known to be sound."]
    explained = {change.feature_name for change in changes}
    broken = _features(quality, explained, drift=False)
    shifted = _features(quality, explained, drift=True)
    steps: list[str] = []
    if broken:
        steps.append(
            f"Investigate the data first: data quality found missing, mistyped or unknown values in {_names(broken)}. "
            "Mend their source; retraining would teach the model the fault."
        )
    if shifted:
        steps.append(
            f"Investigate the shift: data quality found drift in {_names(shifted)}. Ask whether the world moved or a "
            "sender changed (units, defaults, a new source)."
        )
        steps.append("Retrain with data of this window if the shift is real and stays.")
    if not steps:
        steps.append(
            f"Revisit features: each input is distributed as in the baseline, yet {moved} changed places. Look at how "
            "they move together (interactions, groups of callers); retraining on like inputs changes little."
        )
    return steps


def _features(quality: Quality, explained: set[str], *, drift: bool) -> tuple[str, ...]:
    """Features of the model that have such violations, in the report's order, each once."""
    found = (
        violation.feature_name
        for violation in quality.violations
        if (violation.constraint_check_type == DRIFT) == drift and violation.feature_name in explained
    )
    return tuple(dict.fromkeys(name for name in found if name))


def _names(names: Iterable[str]) -> str:
    every = list(dict.fromkeys(names))
    rest = f" and {len(every) - NAMED} more" if len(every) > NAMED else ""
    return ", ".join(every[:NAMED]) + rest if every else "the features"
