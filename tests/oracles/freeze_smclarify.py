"""Ask ``smclarify`` for its metrics of every data set in :mod:`bias_cases`, and keep its answers.

``smclarify`` wants an old pandas, so it has an environment of its own, which the tests do not need::

    python3.11 -m venv .local/smclarify
    .local/smclarify/bin/pip install smclarify==0.5 "pandas<2" "numpy<2"
    .local/smclarify/bin/python tests/oracles/freeze_smclarify.py
"""

from __future__ import annotations

import gzip
import json
import logging
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from bias_cases import CASES, case, digest
from smclarify.bias import report

ANSWERS = Path(__file__).with_name("smclarify.json.gz")
PACKAGES = ("smclarify", "pandas", "numpy", "scikit-learn")


def answer(made: dict[str, Any], stage: report.StageType) -> dict[str, Any]:
    """Metrics by facet value and name, each a number, the word for an infinite one, or its error; or a failure."""
    frame = pd.DataFrame(made["columns"])
    predicted = report.LabelColumn("predicted", frame["predicted"])
    try:
        told = report.bias_report(
            frame,
            report.FacetColumn(made["facet"], made["facet_values"] and list(made["facet_values"])),
            report.LabelColumn("label", frame["label"], list(made["positive"])),
            stage,
            predicted,
            group_variable=frame[made["group"]] if made["group"] else None,
        )
    except Exception as error:  # noqa: BLE001 (whatever stops it is its answer)
        return {"failure": f"{type(error).__name__}: {error}"}
    return {
        facet["value_or_threshold"]: {
            metric["name"]: {"error": metric["error"]} if "error" in metric else metric["value"]
            for metric in facet["metrics"]
        }
        for facet in told
    }


def main() -> None:
    logging.disable(logging.CRITICAL)
    answers = []
    for number in range(CASES):
        made = case(number)
        stages = {stage.value: answer(made, stage) for stage in report.StageType}
        answers.append({"digest": digest(made), **stages})
    document = {"versions": {name: version(name) for name in PACKAGES}, "answers": answers}
    text = json.dumps(document, indent=0, sort_keys=True)
    # Without a time in the header the same answers are the same bytes.
    ANSWERS.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()
