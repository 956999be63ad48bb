"""A record's ground truth shared out among its rows: one label each."""

from __future__ import annotations

import json
from typing import Any

import jmespath
import polars as pl

from endpointwatch.capture.tally import Tally
from endpointwatch.config.model_quality import jmespath_of

_TEXTS = pl.List(pl.String)


def with_labels(frame: pl.DataFrame, key: str | None, file: str, tally: Tally) -> pl.DataFrame:
    """Each row with the label at its place among its record's labels (``actual``, null where the record has none).

    Args:
        frame: ``line``, ``record``, ``row`` and ``truth``: all rows of each record.
        key: The path to the label in ground truth that is a JSON object; an object of one value needs none.
        file: Where the rows stand.
        tally: Gets the rows of records that have another number of labels than of rows as set aside.
    """
    bare = pl.col("truth").str.strip_chars()
    document = bare.str.starts_with("{") | bare.str.starts_with("[")
    if frame.get_column("row").max() == 0 and not frame.select(document.any()).item():
        # One row a record, and one value a label: there is nothing to share out.
        return frame.with_columns(actual=bare)
    size = pl.len().over("record")
    lines, commas = (bare.str.split(sign).list.eval(pl.element().str.strip_chars()) for sign in ("\n", ","))
    plain = (
        pl.when(size == 1)
        .then(pl.concat_list(bare))
        .when(lines.list.len() == size)
        .then(lines)
        .when(commas.list.len() == size)
        .then(commas)
    )
    read = pl.when(document).then(bare).map_elements(lambda text: _of_document(text, key), return_dtype=_TEXTS)
    told = frame.with_columns(labels=pl.when(document).then(read).otherwise(plain), size=size)
    fits = (pl.col("labels").list.len() == pl.col("size")).fill_null(value=False) | pl.col("truth").is_null()
    for line, truth, rows in told.filter(~fits).select("line", "truth", "size").iter_rows():
        reason = f"groundTruthData is {truth[:60]!r}, which is not one label for each of {rows} row(s)"
        tally.set_aside("label", file, line, reason)
    fitting = told.filter(fits).with_columns(actual=pl.col("labels").list.get(pl.col("row"), null_on_oob=True))
    return fitting.drop("labels", "size")


def _of_document(text: str, key: str | None) -> list[str | None] | None:
    """The labels in ground truth that is JSON."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    value: Any = document
    if isinstance(document, dict):
        value = jmespath.search(jmespath_of(key), document) if key else None
        if value is None and len(document) == 1:
            (value,) = document.values()
    values = value if isinstance(value, list) else [value]
    return [None if one is None else one if isinstance(one, str) else json.dumps(one) for one in values]
