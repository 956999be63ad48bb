from __future__ import annotations

import json
import random

import pytest

from endpointwatch.capture.alike import alike
from endpointwatch.capture.records import _ALIKE, COLUMNS, _careful, _fast, _told, records

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


@pytest.mark.parametrize("seed", range(5))
def test_a_line_among_lines_alike_is_read_as_with_care_or_not_at_all(seed):
    chance = random.Random(seed)
    read = 0
    for _ in range(400):
        lines = [LINE.replace(b"0.5", b"%d" % chance.randrange(10**6)) for _ in range(3)]
        place = chance.randrange(3)
        lines[place] = mutated(chance) if chance.random() < 0.8 else lines[place]
        if not all(line.strip() for line in lines):
            continue
        chunk = b"\n".join(lines) + chance.choice([b"", b"\n"])
        fast, (careful, malformed) = _fast(chunk, 1, 3), _careful(chunk, 1)
        assert careful.height + len(malformed) == 3
        if fast is not None:
            assert not malformed, chunk
            assert fast.equals(careful), chunk
            read += 1
    assert read > 50


def test_records_alike_are_read_without_a_parser():
    lines = [LINE.replace(b"e-1", b"e-%d" % number).replace(b"\\u00e9", "é".encode()) for number in range(50)]
    columns = alike(b"\n".join(lines), 50, _told, _ALIKE)
    assert columns is not None
    assert columns["event_id"].to_list() == [f"e-{number}" for number in range(50)]
    assert set(columns["input_data"]) == {"4,0.5,reé\n"}
    assert set(columns["input_encoding"]) == {"CSV"}
    assert columns["truth_data"].to_list() == [None] * 50


@pytest.mark.parametrize(
    "other",
    [
        LINE.replace(b"CSV", b"BASE64"),  # what decides how it is read
        LINE.replace(b"inferenceId", b"inferenceXd"),  # a key
        LINE.replace(b"0.1", b'0\\"1'),
        LINE.replace(b"0.1", b"0\\q1"),
        LINE.replace(b"i-1", b"i-\t1"),
        LINE[:-1],
        LINE.replace(b'"eventVersion": "0"', b'"eventVersion": 10'),
    ],
)
def test_a_line_that_is_not_alike_is_left_to_a_parser(other):
    line = LINE.replace(b"\\u00e9", b"e")
    assert alike(line + b"\n" + line, 2, _told, _ALIKE) is not None
    assert alike(line + b"\n" + other.replace(b"\\u00e9", b"e"), 2, _told, _ALIKE) is None


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
