"""Captures with a label for each: the captures of :mod:`captures`, and ground truth as Model Monitor reads it.

Labels come in another order than captures, in files of an hour each of the next day. The same seed gives the same bytes.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
from captures import FIRST, SPAN, Traffic, write

LABELS_A_FILE = 50_000
_RECORD = '{"groundTruthData":{"data":"%s","encoding":"CSV"},"eventMetadata":{"eventId":"%s"},"eventVersion":"0"}\n'
_SCORE = r'"endpointOutput":\{[^}]*"data":"([0-9.]+)"'
_EVENT = r'"eventId":"([^"]+)"'


def write_labelled(folder: Path, traffic: Traffic) -> None:
    """Write ``folder/captures`` and ``folder/ground_truth``; a label is 1 as often as its probability says, nearly."""
    write(folder, traffic)
    line = pl.col("line")
    told = pl.concat(
        pl.read_lines(path).select(id=line.str.extract(_EVENT), score=line.str.extract(_SCORE).cast(pl.Float64))
        for path in sorted((folder / "captures").rglob("*.jsonl"))
    )
    rng = np.random.default_rng(traffic.seed)
    positive = rng.random(told.height) < 0.15 + 0.7 * told["score"].to_numpy()
    order = rng.permutation(told.height)
    ids = told["id"].gather(order).to_list()
    for number, first in enumerate(range(0, told.height, LABELS_A_FILE)):
        hour = FIRST + SPAN + timedelta(hours=number % 24)
        path = folder / "ground_truth" / f"{hour:%Y/%m/%d/%H}" / f"labels-{number:04d}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        places = range(first, min(first + LABELS_A_FILE, told.height))
        with path.open("w", encoding="utf-8") as file:
            file.writelines(_RECORD % (int(positive[order[place]]), ids[place]) for place in places)
