"""From what a monitor found to the one typed answer."""

from __future__ import annotations

from dataclasses import dataclass

from endpointwatch.capture.tally import LISTED, Tally
from endpointwatch.config.data_quality import COLUMN_CHECKS
from endpointwatch.config.window import Window
from endpointwatch.monitors.findings import Findings, most_drifted
from endpointwatch.reports.verdict import REMEDIES, Status, Verdict


@dataclass(frozen=True, slots=True)
class Subject:
    """What a verdict is about."""

    endpoint: str
    monitor: str
    window: Window
    model_version: str | None = None
    baseline_id: str | None = None
    input_manifest: str | None = None


def judge(subject: Subject, tally: Tally, findings: Findings | None, *, minimum_rows: int) -> Verdict:
    """The verdict on a window.

    Args:
        subject: What it is about.
        tally: What became of the rows.
        findings: Of the check; None when there was no baseline to check against.
        minimum_rows: Fewer analysed rows are not judged.
    """
    status, evidence = _status(tally, findings, minimum_rows)
    judged = findings is not None and status in ("OK", "VIOLATIONS", "SCHEMA_CHANGED")
    return Verdict(
        endpoint=subject.endpoint,
        monitor=subject.monitor,
        window=subject.window,
        status=status,
        model_version=subject.model_version,
        baseline_id=subject.baseline_id,
        rows=tally.rows(),
        violations=findings.violations if judged and findings else (),
        distances=findings.distances if judged and findings else (),
        metrics=findings.metrics if judged and findings else (),
        set_aside=tuple(tally.listed[:LISTED]),
        evidence=evidence,
        remedy=REMEDIES[status],
        input_manifest=subject.input_manifest,
    )


def outcome(rows: int, findings: Findings | None, *, minimum_rows: int) -> Status:
    """The status that follows from the rows of a window alone, whoever read them and whenever.

    Args:
        rows: Analysed ones.
        findings: Of the check; None when there was no baseline to check against.
        minimum_rows: Fewer are not judged.
    """
    if rows < minimum_rows:
        return "TOO_FEW_ROWS"
    if findings is None:
        return "NO_BASELINE"
    if findings.schema_changed:
        return "SCHEMA_CHANGED"
    return "VIOLATIONS" if findings.violations else "OK"


def _status(  # noqa: PLR0911 (one line an answer, in the order they are looked for)
    tally: Tally, findings: Findings | None, minimum_rows: int
) -> tuple[Status, str]:
    rows = tally.rows()
    foreign = tally.kinds["encoding"] + tally.kinds["nested"]
    if rows.analysed + rows.set_aside == 0:
        return "NO_DATA", f"No row of the window among {rows.read} rows read."
    if foreign > rows.analysed:
        example = next((fault.reason for fault in tally.listed if _of_encoding(fault.reason)), "")
        return "ENCODING_MIXED", f"{foreign} of {rows.read} rows are neither CSV nor flat JSON. {example}".rstrip()
    status = outcome(rows.analysed, findings, minimum_rows=minimum_rows)
    if status == "TOO_FEW_ROWS":
        return status, f"{_count(rows.analysed)} could be analysed, fewer than minimum_rows = {minimum_rows}."
    if findings is None:
        return status, f"{_count(rows.analysed)} analysed, but there is no baseline to hold them against."
    if status == "SCHEMA_CHANGED":
        columns = [one for one in findings.violations if one.constraint_check_type in COLUMN_CHECKS]
        return status, "; ".join(violation.description for violation in columns)
    aside = f", {rows.set_aside} set aside" if rows.set_aside else ""
    if status == "VIOLATIONS":
        far = ", ".join(map(str, most_drifted(findings.distances)))
        drifted = f" Drifted most: {far}." if far else ""
        found = f"{_count(len(findings.violations), 'violation')} over {_count(rows.analysed)}{aside}."
        return status, found + drifted
    return status, f"All constraints hold over {_count(rows.analysed)}{aside}."


def _of_encoding(reason: str) -> bool:
    return "captured as" in reason or "json_payloads" in reason


def _count(number: int, thing: str = "row") -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
