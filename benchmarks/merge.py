"""Merge and model quality against pandas and Spark: `make bench-merge`.

Each program reads the same captures and labels, joins them, writes the merged records and measures binary model quality
with its five draws of 80 %. Each runs in a process of its own; start-up and imports are not timed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import math
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from captures import Traffic
from harness.child import ROOT, ChildError, Measured, measure
from harness.report import Report, keep, show
from labelled import write_labelled

PROGRAMS = Path(__file__).resolve().parent / "merge_programs"
FIGURES = ("accuracy", "recall", "precision", "f1", "auc")
MEGABYTE = 1024 * 1024
VERSIONS = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("pandas", "pyspark"))
ALIKE = (
    f"{VERSIONS}. Spark's CPU and memory here are its Python process's, without the JVM. "
    "All give the same number of merged records and the same metrics, but for the AUC: beyond 262,144 different cells "
    "ours stands on rounded scores (it differs by less than 1e-7); Spark's is thinned to 1,000 points (1e-3)."
)
#: How far another AUC may be from ours; all other figures are the same to 1e-9.
AUC_APART = {"pandas": 1e-7, "Spark local[2]": 1e-3}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    folder = _data(options.records)
    runs = {"EndpointWatch": [_run("ours", folder) for _ in range(options.repeat)]}
    notes = []
    for name, program in (("pandas", "with_pandas"), ("Spark local[2]", "with_spark")):
        if program.removeprefix("with_") in options.without:
            notes.append(f"{name} was left out.")
            continue
        try:
            runs[name] = [_run(program, folder) for _ in range(options.peer_repeat)]
        except ChildError as error:
            notes.append(f"{name} could not be measured: {str(error).splitlines()[-1]}")
    best = {name: min(found, key=lambda run: run.seconds) for name, found in runs.items()}
    _same(best)
    large = None if options.memory_records == 0 else _run("ours", _data(options.memory_records))
    ours = best["EndpointWatch"]
    ratios = {
        "vs_pandas": _ratio(best.get("pandas"), ours),
        "vs_spark": _ratio(best.get("Spark local[2]"), ours),
        "peak_memory_4x": large.peak / ours.peak if large else None,
    }
    rows = [_row(f"{name}, {options.records:,}", run) for name, run in best.items()]
    if large:
        rows.append(_row(f"EndpointWatch, {options.memory_records:,}", large))
    found = Report(
        name="merge",
        title="Merge of captures with labels, and model quality",
        intro=(
            f"{options.records:,} captures (24 features, one probability) and as many labels in another order: read, "
            "joined, merged records written, binary model quality measured with its five draws of 80 %. Fresh "
            f"processes, start-up not timed; best of {options.repeat} (peers: {options.peer_repeat}). "
            "`make bench-merge`."
        ),
        heads=("What", "Seconds of work", "CPU seconds in all", "Peak memory, MB"),
        rows=rows,
        notes=[*notes, ALIKE],
        ratios=ratios,
        more={"runs": {name: [run.document() for run in found] for name, found in runs.items()}},
    )
    show(found)
    if options.keep:
        keep(found)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000, help="captures, and labels (default: %(default)s)")
    parser.add_argument(
        "--memory-records", type=int, default=4_000_000, help="for the second memory figure; 0 leaves it out"
    )
    parser.add_argument("--repeat", type=int, default=3, help="runs of ours, the best of which counts")
    parser.add_argument("--peer-repeat", type=int, default=1, help="runs of each peer, the best of which counts")
    parser.add_argument("--without", nargs="*", default=[], choices=["pandas", "spark"], help="peers to leave out")
    parser.add_argument("--keep", action="store_true", help="write RESULTS.md and out/merge.json")
    return parser.parse_args(arguments)


def _data(records: int) -> Path:
    folder = ROOT / ".local" / "bench" / f"labelled-{records}"
    if not (folder / "whole").is_file():
        print(f"writing {records:,} captures and labels to {folder}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_labelled(folder, Traffic(records))
        (folder / "whole").touch()
    return folder


def _run(program: str, folder: Path) -> Measured:
    print(f"{program} on {folder.name}", flush=True)
    path = [str(ROOT / "include"), str(ROOT / "benchmarks")]
    environment = {"PYTHONPATH": ":".join(path), "PYSPARK_PYTHON": sys.executable}
    found = measure([sys.executable, str(PROGRAMS / f"{program}.py"), str(folder)], environment=environment)
    # At once, since what comes later may fail.
    print(f"  {found.seconds:.1f} s, {found.cpu:.1f} s of CPU, {found.peak / MEGABYTE:,.0f} MB", flush=True)
    return found


def _same(best: dict[str, Measured]) -> None:
    """Who measures something else is not compared with."""
    ours = best["EndpointWatch"].told
    for name, run in best.items():
        if run.told["matched"] != ours["matched"]:
            raise SystemExit(f"{name} merged {run.told['matched']} records, EndpointWatch {ours['matched']}")
        for figure in FIGURES:
            tolerance = AUC_APART.get(name, 1e-9) if figure == "auc" else 1e-9
            if not math.isclose(run.told[figure], ours[figure], abs_tol=tolerance):
                raise SystemExit(f"{name}: {figure} is {run.told[figure]}, EndpointWatch's {ours[figure]}")


def _ratio(peer: Measured | None, ours: Measured) -> float | None:
    return None if peer is None else peer.seconds / ours.seconds


def _row(name: str, run: Measured) -> tuple[str, ...]:
    return name, f"{run.seconds:.1f}", f"{run.cpu:.1f}", f"{run.peak / MEGABYTE:,.0f}"


if __name__ == "__main__":
    raise SystemExit(main())
