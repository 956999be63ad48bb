from __future__ import annotations

import json
import random

import pytest

from endpointwatch.capture.records import COLUMNS, _careful, _fast, records

LINE = json.dumps(
    {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv",
                "mode": "INPUT",
                "data": "4,0.5,re\u00e9\n",
                "encoding": "CSV",
            },
            "endpointOutput": {"observedContentType": "text/csv", "mode": "OUTPUT", "data": "0.1", "encoding": "CSV"},
        },
        "eventMetadata": {"eventId": "e-1", "inferenceId": "i-1", "inferenceTime": "2026-11-01T14:05:09Z"},
        "eventVersion": "0",
    }
).encode()
PIECES = [
    b'"',
    b"{",
    b"}",
    b",",
    b"null",
    b"1e9",
    b"[",
    b"]",
    b"\\u0041",
    b"\\ud800",
    b"\xff",
    b"\xc3\xa9",
    b"true",
    b"\\",
]


def mutated(chance: random.Random) -> bytes:
    line = bytearray(LINE)
    for _ in range(chance.randint(1, 3)):
        at, kind = chance.randrange(len(line)), chance.random()
        if kind < 0.3:
            line[at] = chance.randrange(256)
        elif kind < 0.5:
            del line[at : at + chance.randint(1, 20)]
        elif kind < 0.7:
            line[at:at] = chance.choice(PIECES)
        elif kind < 0.85:
            line = line[:at] or bytearray(b"{")
        else:
            line[at:at] = line[max(0, at - 15) : at]
    return bytes(line).replace(b"\n", b" ")


@pytest.mark.parametrize("seed", range(5))
def test_reading_many_lines_at_once_gives_the_records_of_reading_each_with_care(seed):
    chance = random.Random(seed)
    read = 0
    for _ in range(600):
        line = mutated(chance)
        if not line.strip():
            continue
        fast, (careful, malformed) = _fast(line + b"\n", 1, 1), _careful(line + b"\n", 1)
        assert careful.height + len(malformed) == 1
        if fast is not None:
            assert not malformed, line
            assert fast.equals(careful), line
            read += 1
    assert read > 50


def test_a_file_is_read_piece_by_piece_and_its_lines_keep_their_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr("endpointwatch.capture.files.chunks.__defaults__", (len(LINE) * 3,))
    (tmp_path / "a.jsonl").write_bytes(b"\n".join([LINE, LINE, b"", LINE, b"{broken", LINE, LINE, LINE]))
    lines, malformed = [], []
    for frame, faults in records(tmp_path / "a.jsonl"):
        assert frame.columns == list(COLUMNS)
        lines += frame["line"].to_list()
        malformed += [fault.line for fault in faults]
    assert (lines, malformed) == ([1, 2, 4, 6, 7, 8], [5])


def test_an_empty_file_has_no_records(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"")
    assert list(records(tmp_path / "a.jsonl")) == []
