"""EndpointWatch: from captured files to statistics, constraints, violations and the stored state."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from captures import FIRST, SPAN
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading
from endpointwatch.config.data_quality import DataQuality
from endpointwatch.config.window import Window
from endpointwatch.jobs.gather import gathered
from endpointwatch.jobs.tables import read_baseline, write_report
from endpointwatch.monitors import data_quality
from endpointwatch.reports.files import CONSTRAINTS, STATISTICS
from harness.inside import Work, tell


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("captures", type=Path)
    parser.add_argument("baseline", type=Path)
    parser.add_argument("report", type=Path)
    options = parser.parse_args()
    settings, tally = DataQuality(), Tally()
    reading = Reading(windows=(Window.of(FIRST, FIRST + SPAN),))
    with Work() as work:
        baseline = read_baseline(options.baseline / CONSTRAINTS, options.baseline / STATISTICS)
        state = gathered(options.captures, tally, reading, names=baseline.names)
        findings = data_quality.check(state, baseline, settings)
        write_report(options.report, state, settings, findings.violations)
    tell(work, rows=tally.rows().analysed, read=tally.rows().read, violations=len(findings.violations))


if __name__ == "__main__":
    main()
