"""The data-quality monitor's report on each segment: the same files as the window's, below ``segments/``.

======================================  ============================================================================
``segments/<column>=<value>/``          the files of a window (or baseline) over the rows of one value
``segments/missing/``                   the same over the rows without a value
``segments/other/``                     the same over the rows of values beyond the maximum; described, never checked
``segments.json`` (baselines only)      which segment lies where, and how many rows it has
======================================  ============================================================================

Column and value are percent-encoded; names of more than a hundred characters are cut and get a hash.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from endpointwatch.config.data_quality import DataQuality, Segments
from endpointwatch.errors import BaselineError
from endpointwatch.jobs.earlier import Earlier, against, summed
from endpointwatch.jobs.monitors.duty import Duty
from endpointwatch.jobs.segments import OTHER, Split, folder_of
from endpointwatch.jobs.tables import read_baseline, write_report
from endpointwatch.monitors import data_quality
from endpointwatch.monitors.data_quality import Baseline
from endpointwatch.monitors.findings import Findings, most_drifted
from endpointwatch.reports import files
from endpointwatch.reports import verdict as reports
from endpointwatch.reports.judgement import outcome
from endpointwatch.reports.verdict import REMEDIES, Verdict
from endpointwatch.states import Table

INDEX = "segments.json"


def judged(
    duty: Duty,
    settings: DataQuality,
    verdict: Verdict,
    split: Split | None,
    learnt: Baseline | None,
    earlier: Earlier | None,
) -> Verdict:
    """The window's verdict with its segments, whose files are written.

    Args:
        duty: What is judged.
        settings: With ``segments``.
        verdict: On all rows.
        split: The rows by segment; None where the window's rows have not the baseline's columns.
        learnt: The baseline of all rows; without it columns have no names, and nothing is told apart.
        earlier: The earlier windows that the window is held against; None for the learnt baseline.
    """
    asked = settings.segments
    if asked is None:
        return verdict
    if split is None or not split.seen(asked.column) or not verdict.rows.analysed:
        told = reports.Segments(column=asked.column, alarm=asked.alarm, note=_why_none(asked, verdict, learnt))
        return verdict.model_copy(update={"segments": told})
    found = []
    for value, state in _segments(split):
        baseline = _baseline(duty, settings, folder_of(asked.column, value), earlier)
        found.append(_judged(duty, settings, asked, value, state, baseline))
    if split.other.rows:
        write_report(duty.folder / OTHER, split.other, settings)
    told = reports.Segments(
        column=asked.column,
        alarm=asked.alarm,
        segments=tuple(found),
        other_rows=split.other.rows,
        other_values=split.beyond.estimate,
    )
    return _with(verdict, told)


def learnt(folder: Path, settings: DataQuality, split: Split, whole: Table) -> tuple[str, ...]:
    """Write every segment's baseline below ``folder``; the files that windows are held against.

    Raises:
        BaselineError: The data set's rows cannot be told apart.
    """
    asked = settings.segments
    if asked is None or split.settled(whole) is None:
        raise BaselineError("The data set's rows have different columns, so they cannot be parted into segments.")
    told = []
    written = []
    for value, state in _segments(split):
        place = folder_of(asked.column, value)
        write_report(folder / place, state, settings)
        told.append({"value": value, "folder": place, "rows": state.rows})
        written += [f"{place}/{file}" for file in (files.STATISTICS, files.CONSTRAINTS)]
    about = {
        "column": asked.column,
        "segments": told,
        "other_rows": split.other.rows,
        "other_values": split.beyond.estimate,
    }
    files.write_text(folder / INDEX, files.json_text(about))
    return (INDEX, *written)


def known_values(folder: Path, column: str) -> tuple[str, ...]:
    """The values of ``column`` for which there is a baseline in ``folder``, the most frequent first.

    Raises:
        BaselineError: The list of segments cannot be read.
    """
    index = folder / INDEX
    try:
        told = json.loads(index.read_bytes()) if index.is_file() else {}
        if told.get("column") != column:
            return ()
        return tuple(segment["value"] for segment in told["segments"] if segment["value"] is not None)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BaselineError(f"{index} cannot be read: {error}. Baseline again.") from error


def _why_none(asked: Segments, verdict: Verdict, learnt: Baseline | None) -> str:
    if not verdict.rows.analysed:
        return "There are no rows."
    if learnt is None:
        return f"No column is named {asked.column!r}: there is no baseline."
    return f"No column is named {asked.column!r}: the rows have other columns than the baseline."


def _segments(split: Split) -> Iterator[tuple[str | None, Table]]:
    """The values that have rows, those of the baseline first, then by text; at last the rows without a value."""
    order = (*split.known, *sorted(set(split.states) - set(split.known)))
    yield from ((value, split.states[value]) for value in order if value in split.states)
    if split.missing.rows:
        yield None, split.missing


def _baseline(duty: Duty, settings: DataQuality, place: str, earlier: Earlier | None) -> Baseline | None:
    folder = duty.baseline / place
    constraints = folder / files.CONSTRAINTS
    fixed = read_baseline(constraints, folder / files.STATISTICS) if constraints.is_file() else None
    if earlier is None:
        return fixed
    state = summed(earlier.stored, place)
    return against(state, fixed, settings) if state.rows else earlier.instead(fixed)


def _judged(
    duty: Duty, settings: DataQuality, asked: Segments, value: str | None, state: Table, baseline: Baseline | None
) -> reports.Segment:
    findings = data_quality.check(state, baseline, settings) if baseline else None
    status = outcome(state.rows, findings, minimum_rows=asked.minimum_rows)
    kept = findings if findings and status in ("OK", "VIOLATIONS", "SCHEMA_CHANGED") else Findings()
    place = folder_of(asked.column, value)
    write_report(duty.folder / place, state, settings, kept.violations)
    return reports.Segment(
        value=value,
        folder=place,
        rows=state.rows,
        status=status,
        violations=len(kept.violations),
        drifted=tuple(distance.feature_name for distance in most_drifted(kept.distances)),
    )


def _with(verdict: Verdict, told: reports.Segments) -> Verdict:
    verdict = verdict.model_copy(update={"segments": told})
    if not told.violated:
        return verdict
    named = ", ".join(
        f"{told.column}={one.value}" if one.value is not None else f"no {told.column}" for one in told.violated
    )
    update = {"evidence": f"{verdict.evidence} Segments with violations: {named}."}
    if verdict.status == "OK" and told.alarm == "Enabled":
        update |= {"status": "VIOLATIONS", "remedy": REMEDIES["VIOLATIONS"]}
    return verdict.model_copy(update=update)
