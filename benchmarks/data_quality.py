"""From captured files to statistics and violations, beside others: ``make bench-data-quality``.

Generates captured records of a model with 24 features, and measures in one run, each in a fresh process:

  ours       captures -> statistics with AWS's exact sketches, constraints, violations against a baseline, stored state
  scan       Polars alone, extracting the two payload strings of each record
  spark      local[2], the same statistics from the same files; its start is counted apart
  evidently  the drift preset, on the rows as a flat table in memory
  whylogs    a profile of the same table

and the peak memory of ours for four times as many records. Peers live in environments of their own below
.local/bench, installed from benchmarks/requirements-<peer>.txt.

Examples:
  make bench-data-quality
  make bench-data-quality BENCH_ARGS="--quick"
  make bench-data-quality BENCH_ARGS="--records 400000 --only ours --only scan --keep /tmp/captures"
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.child import ROOT, ChildError, Measured, measure
from harness.peers import PeerError, python_of, version
from harness.report import Report, keep, load, show

PROGRAMS = ROOT / "benchmarks" / "peers"
RECORDS, QUICK = 1_000_000, 100_000
TIMES = 4  # as many records for the second measurement of memory
REPEATS = 3
_OURS = {"PYTHONPATH": str(ROOT / "include")}


@dataclass(frozen=True, slots=True)
class Peer:
    """Another package.

    Attributes:
        name: Of its lock file and environment.
        package: The one whose version is told.
        program: In ``peers/``.
        inputs: What it reads, below the prepared folder.
        what: What it does, for the table.
    """

    name: str
    package: str
    program: str
    inputs: tuple[str, ...]
    what: str


PEERS = (
    Peer("spark", "pyspark", "spark.py", ("captures",), "captures to statistics, local[2]"),
    Peer("evidently", "evidently", "evidently_drift.py", ("table.parquet", "reference.parquet"), "flat table to drift"),
    Peer("whylogs", "whylogs", "whylogs_profile.py", ("table.parquet",), "flat table to profile"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """The figures of one run; a peer that is not among them could not be measured."""

    records: int
    ours: Sequence[Measured]
    scan: Sequence[Measured]
    larger: Measured | None
    peers: dict[str, Measured]
    versions: dict[str, str]
    missing: dict[str, str]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, help=f"captured records (default: {RECORDS:,})")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} records, and RESULTS.md is left alone")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of ours and the scan; their median counts")
    parser.add_argument("--only", action="append", choices=["ours", "scan", "memory", *(p.name for p in PEERS)])
    parser.add_argument("--keep", type=Path, help="prepare the inputs here and keep them; used again when there")
    parser.add_argument("--date", help="to be printed in RESULTS.md (default: today, UTC)")
    parser.add_argument("--no-write", action="store_true", help="print the table, write nothing")
    options = parser.parse_args()
    records = options.records or (QUICK if options.quick else RECORDS)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="bench-data-quality-", dir=_temporary()))
    try:
        found = run(folder, records, options.repeats, tuple(options.only or ()))
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    report = _report(found)
    show(report)
    if not options.no_write and not options.quick and not options.only:
        keep(report, date=options.date)
    return 0


def run(folder: Path, records: int, repeats: int, only: tuple[str, ...]) -> Found:
    """Prepare the inputs below ``folder``, and measure."""

    def wanted(name: str) -> bool:
        return not only or name in only

    inputs = prepared(folder, records, flat=True)
    ours, scan = [], []
    for _ in range(repeats):  # by turns, so that what else runs on the machine meets both
        if wanted("ours"):
            ours.append(_ours(inputs, inputs))
        if wanted("scan"):
            scan.append(_told("scan", measure([sys.executable, str(PROGRAMS / "scan.py"), str(inputs / "captures")])))
    peers: dict[str, Measured] = {}
    versions: dict[str, str] = {}
    missing: dict[str, str] = {}
    for peer in (peer for peer in PEERS if wanted(peer.name)):
        try:
            python = python_of(peer.name)
            versions[peer.package] = version(python, peer.package)
            command = [python, str(PROGRAMS / peer.program), *(str(inputs / name) for name in peer.inputs)]
            peers[peer.name] = _told(peer.name, measure(command))
        except (PeerError, ChildError) as error:
            missing[peer.name] = " ".join(str(error).split())
            print(f"{peer.name} is left out: {error}", file=sys.stderr)
    larger = _ours(prepared(folder, TIMES * records, flat=False), inputs) if wanted("memory") else None
    return Found(records, ours, scan, larger, peers, versions, missing)


def prepared(folder: Path, records: int, *, flat: bool) -> Path:
    """The folder of inputs with so many records, made where it is not there yet."""
    place = folder / str(records)
    if not (place / "done").is_file():
        print(f"preparing {records:,} captured records", flush=True)
        command = [sys.executable, str(ROOT / "benchmarks" / "prepare.py"), str(place), "--records", str(records)]
        measure([*command, *(["--flat"] if flat else [])], environment=_OURS)
    return place


def _ours(inputs: Path, learnt: Path) -> Measured:
    report = inputs / "report"
    places = (inputs / "captures", learnt / "baseline", report)
    command = [sys.executable, str(PROGRAMS / "ours.py"), *map(str, places)]
    return _told("ours", measure(command, environment=_OURS))


def _told(name: str, measured: Measured) -> Measured:
    rows = measured.told.get("rows", 0)
    print(f"{name}: {rows:,} rows in {measured.seconds:.2f} s, {measured.peak / 1e6:.0f} MB", flush=True)
    return measured


def _temporary() -> Path:
    place = ROOT / ".local" / "bench" / "tmp"
    place.mkdir(parents=True, exist_ok=True)
    return place


def _report(found: Found) -> Report:
    ours = _middle(found.ours)
    scan = _middle(found.scan)
    ratios = {
        "vs_bare_scan": _ratio(ours and ours.seconds, scan and scan.seconds),
        **{f"vs_{peer.name}": _faster(found.peers.get(peer.name), ours) for peer in PEERS},
        "peak_memory_4x": _ratio(found.larger and found.larger.peak, ours and ours.peak),
    }
    rows = [_row("ours", "captures to statistics, violations, state", ours)]
    rows += [_row("Polars scan", "captures to two texts a record", scan)]
    rows += [_row(f"{peer.package}", peer.what, found.peers.get(peer.name)) for peer in PEERS]
    rows += [_row("ours", f"{TIMES} times as many records", found.larger)]
    return Report(
        name="data_quality",
        title="Data quality",
        intro=_intro(found),
        heads=("what", "does", "seconds", "CPU seconds", "start", "peak MB"),
        rows=rows,
        notes=_notes(found),
        ratios=ratios,
        more=_raw(found),
    )


def _intro(found: Found) -> str:
    return (
        f"{found.records:,} captured records (one row each: the answer, 20 numbers, 4 categories), each program in a "
        "fresh process. Seconds are of the work alone; imports and start-up stand under start. "
        "`make bench-data-quality`."
    )


def _notes(found: Found) -> list[str]:
    notes = [f"Of ours and the scan the median of {len(found.ours)} runs, taken by turns."]
    told = ", ".join(f"{package} {number}" for package, number in found.versions.items())
    if told:
        notes.append(f"Versions: {told}.")
    notes += [f"{name} was not measured: {reason}." for name, reason in found.missing.items()]
    notes.append("Evidently and whylogs are handed a pandas table in memory: they neither read captures nor parse.")
    notes.append("Spark's quantiles are approx_percentile's, and it compares nothing with a baseline.")
    return notes


def _raw(found: Found) -> dict[str, object]:
    return {
        "records": found.records,
        "ours": [one.document() for one in found.ours],
        "scan": [one.document() for one in found.scan],
        "ours_4x": found.larger.document() if found.larger else None,
        **{name: one.document() for name, one in found.peers.items()},
        "versions": found.versions,
        "load": load(),
    }


def _middle(runs: Sequence[Measured]) -> Measured | None:
    return sorted(runs, key=lambda run: run.seconds)[len(runs) // 2] if runs else None


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def _faster(peer: Measured | None, ours: Measured | None) -> float | None:
    return peer.seconds / ours.seconds if peer and ours else None


def _row(name: str, what: str, measured: Measured | None) -> tuple[str, ...]:
    if measured is None:
        return (name, what, "-", "-", "-", "-")
    start = measured.told.get("start", measured.wall - measured.seconds)
    cpu = measured.told.get("work_cpu", measured.cpu) if name != "pyspark" else measured.cpu
    return (name, what, f"{measured.seconds:.2f}", f"{cpu:.2f}", f"{start:.1f}", f"{measured.peak / 1e6:.0f}")


if __name__ == "__main__":
    raise SystemExit(main())
