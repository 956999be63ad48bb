"""Ten thousand broken lines: whatever stands in them, every one is accounted for, and its neighbours are analysed."""

from __future__ import annotations

import json
import random

import pytest

from endpointwatch.capture.tables import table_rows
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading, captured_rows
from endpointwatch.config.window import Window
from endpointwatch.jobs.collect import Batch, collect
from endpointwatch.jobs.rows import captured
from endpointwatch.monitors import data_quality

LINES, FILES = 5_000, 50
WINDOW = Window.at("2026/11/01/14")
PIECES = [b'"', b'\\"', b"{", b"}", b",", b"null", b"1e9", b"[", b"\\u0041", b"\\ud800", b"\xff", b"\xc3\xa9", b"\\"]
CELLS = [b'"', b'""', b",", b",,", b"\r", b"\xff", b"\xc3\xa9", b"NaN", b"-", b"1e400", b'"a,b"', b"\x00", b" "]


def line(chance: random.Random) -> bytes:
    """A record of one request, mostly of one row, as endpoints are asked."""
    rows = chance.choice([1, 1, 1, 1, 3])
    asked = "\n".join(f"{chance.randint(0, 99)},{chance.random():.4f},{chance.choice('abc')}" for _ in range(rows))
    answer = "\n".join(f"{chance.random():.6f}" for _ in range(rows))
    sides = {"endpointInput": asked, "endpointOutput": answer + chance.choice(["", "\n"])}
    capture = {
        key: {"observedContentType": "text/csv", "mode": key[8:].upper(), "data": data, "encoding": "CSV"}
        for key, data in sides.items()
    }
    time = f"2026-11-01T{chance.choice([13, 14, 14, 14, 14])}:05:09Z"
    about = {"eventId": f"{chance.getrandbits(64):016x}", "inferenceTime": time}
    record = {"captureData": capture, "eventMetadata": about, "eventVersion": "0"}
    return json.dumps(record, separators=(",", ":")).encode()


def mutated(raw: bytes, pieces: list[bytes], chance: random.Random) -> bytes:
    line = bytearray(raw)
    for _ in range(chance.randint(1, 3)):
        at, kind = chance.randrange(len(line)), chance.random()
        if kind < 0.3:
            line[at] = chance.randrange(256)
        elif kind < 0.5:
            del line[at : at + chance.randint(1, 20)]
        elif kind < 0.85:
            line[at:at] = chance.choice(pieces)
        else:
            line = line[:at]
        line = line or bytearray(b"x")
    return bytes(line).replace(b"\n", b" ")


@pytest.mark.parametrize("share", [0.002, 1.0])
def test_captured_lines_are_analysed_or_set_aside_or_outside_whatever_stands_in_them(tmp_path, share):
    chance = random.Random(int(share * 1000))
    written = 0
    for number in range(FILES):
        lines = [line(chance) for _ in range(LINES // FILES)]
        lines = [mutated(one, PIECES, chance) if chance.random() < share else one for one in lines]
        written += sum(1 for one in lines if one.strip())
        (tmp_path / f"{number:03d}.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    tally, reading = Tally(), Reading(windows=(WINDOW,))
    state = collect(captured(tmp_path, tally, reading), tally, data_quality.compute)
    rows = tally.rows()
    assert rows.read == rows.analysed + rows.set_aside + rows.outside_window + rows.skipped
    assert rows.read >= written
    assert state.rows == rows.analysed > 0
    assert all(column.rows == state.rows for column in state.columns)
    # Every row that was handed on is one of those that were analysed or had another width.
    again = Tally()
    handed = sum(part.frame.height for part in captured_rows(tmp_path, again, reading))
    assert handed == rows.analysed + tally.kinds["width"]
    assert again.kinds.total() + handed == rows.analysed + rows.set_aside


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("share", [0.002, 1.0])
def test_lines_of_csv_are_analysed_or_set_aside_whatever_stands_in_them(tmp_path, share, quoted):
    chance = random.Random(int(share * 1000) + quoted)
    written = 0
    for number in range(FILES):
        lines = [b"%d,%.4f,%s" % (number, chance.random(), chance.choice([b"a", b"b"])) for _ in range(LINES // FILES)]
        lines = [mutated(one, CELLS, chance) if chance.random() < share else one for one in lines]
        lines = lines if quoted else [one.replace(b'"', b"'") for one in lines]
        written += sum(1 for one in lines if one.strip(b"\r"))
        (tmp_path / f"{number:03d}.csv").write_bytes(b"\n".join(lines) + b"\n")
    tally = Tally()
    batches = (Batch(rows.file, rows.frame) for rows in table_rows(tmp_path, tally, header=False))
    state = collect(batches, tally, data_quality.compute)
    rows = tally.rows()
    assert rows.read == rows.analysed + rows.set_aside
    assert state.rows == rows.analysed > 0
    # An open quotation mark takes the lines up to the next one into its cell; without any, a line is a row.
    assert rows.read == written if not quoted else rows.read > 0
