"""The same with ``smclarify``, in its own environment: ``with_smclarify.py rows.csv``."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pandas as pd
from smclarify.bias import report

from harness.inside import Work, tell

FACETS: dict[str, list[float]] = {"gender": [0], "region": [1, 2], "age": [40.0]}
PRE = ["CDDL", "CI", "DPL", "JS", "KL", "KS", "LP", "TVD"]
POST = ["AD", "CDDPL", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "GE", "RD", "SD", "TE"]


def main() -> None:
    logging.disable(logging.CRITICAL)
    rows = pd.read_csv(sys.argv[1], float_precision="round_trip")
    values: dict[str, float] = {}

    def ask(facet: str, stage: report.StageType, metrics: list[str]) -> None:
        told = report.bias_report(
            rows,
            report.FacetColumn(facet, list(FACETS[facet])),
            report.LabelColumn("label", rows["label"], [1]),
            stage,
            report.LabelColumn("predicted", rows["predicted"]),
            metrics=metrics,
            group_variable=rows["occupation"],
        )
        values.update({f"{facet} {metric['name']}": metric["value"] for metric in told[0]["metrics"]})

    with Work() as counted:
        for facet in FACETS:
            ask(facet, report.StageType.PRE_TRAINING, PRE)
            ask(facet, report.StageType.POST_TRAINING, POST)
    with Work() as flipped:
        for facet in FACETS:
            ask(facet, report.StageType.POST_TRAINING, ["FT"])
    tell(counted, flip_seconds=flipped.seconds, flip_cpu=flipped.cpu, values=values)


if __name__ == "__main__":
    main()
