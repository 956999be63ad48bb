from __future__ import annotations

import polars as pl

from captures import FEATURES, FIRST, OUTPUT, SPAN, Traffic, table, write_file
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading
from endpointwatch.config.window import Window
from endpointwatch.jobs.collect import collect
from endpointwatch.jobs.rows import captured
from endpointwatch.monitors import data_quality

TRAFFIC = Traffic(records=900, per_file=400)


def test_the_captures_of_the_benchmark_are_read_row_by_row(tmp_path):
    for number in range(3):
        write_file(tmp_path, TRAFFIC, number)
    tally = Tally()
    reading = Reading(windows=(Window.of(FIRST, FIRST + SPAN),))
    names = (OUTPUT, *FEATURES)
    state = collect(captured(tmp_path, tally, reading), tally, data_quality.compute, names=names)
    assert (tally.rows().read, tally.rows().analysed, state.names) == (900, 900, names)
    kinds = [column.inferred_type for column in state.columns]
    assert kinds.count("String") == 4
    flat = pl.concat([table(rows, seed=TRAFFIC.file_seed(number)) for number, rows in enumerate((400, 400, 100))])
    assert [column.present for column in state.columns] == [900 - missing for missing in flat.null_count().row(0)]
    assert [column.moments.high for column in state.columns][:21] == list(flat.select(pl.nth(range(21)).max()).row(0))


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    one, two = (write_file(tmp_path / name, TRAFFIC, 1) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
