from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from endpointwatch.capture import files as files_module
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading, captured_rows
from endpointwatch.config.data_quality import JsonPayloads
from endpointwatch.config.window import Window
from endpointwatch.errors import CaptureError

START = datetime(2026, 11, 1, 14, tzinfo=UTC)
WINDOW = Window(start=START, end=START + timedelta(hours=1))


def record(
    inputs="1,2.5,red", outputs="0.7", *, identity="e-1", time="2026-11-01T14:05:00Z", encoding="CSV", source=None
):
    sides = {"endpointInput": inputs, "endpointOutput": outputs}
    metadata = {"eventId": identity, "inferenceTime": time, "invocationSource": source}
    return {
        "captureData": {
            key: {"observedContentType": "text/csv", "mode": key[8:].upper(), "data": data, "encoding": encoding}
            for key, data in sides.items()
            if data is not None
        },
        "eventMetadata": {key: value for key, value in metadata.items() if value is not None},
        "eventVersion": "0",
    }


def captured(folder, lines, file="14/00-00-000-a.jsonl"):
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    path.write_bytes(b"".join(text + b"\n" for text in texts))
    return folder


def rows(folder, **options):
    """All rows of the folder as (output cells, input cells) or by key, and the tally with them counted."""
    tally = Tally()
    found = []
    for part in captured_rows(folder, tally, Reading(**options)):
        tally.analysed += part.frame.height
        if part.names is not None:
            rows = [dict(zip(part.names, row, strict=True)) for row in part.frame["cells"].to_list()]
            found += [{name: cell for name, cell in row.items() if cell is not None} for row in rows]
            continue
        found += list(zip(part.frame["output"].to_list(), part.frame["input"].to_list(), strict=True))
    return found, tally


def compress(path):
    """The file as gzip, in the place of the file."""
    target = path.with_name(path.name + ".gz")
    target.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    path.unlink()
    return target


def reasons(tally):
    return [(fault.line, fault.reason) for fault in tally.listed]


def test_a_record_becomes_a_row_of_output_and_input_cells(tmp_path):
    found, tally = rows(captured(tmp_path, [record()]))
    assert found == [(["0.7"], ["1", "2.5", "red"])]
    assert tally.rows().model_dump() == {"read": 1, "analysed": 1, "set_aside": 0, "outside_window": 0, "skipped": 0}


def test_many_lines_in_one_request_pair_with_as_many_lines_of_the_answer(tmp_path):
    found, _ = rows(captured(tmp_path, [record("1,a\n2,b\r\n3,c\n", "0.1\n0.2\n0.3")]))
    assert found == [(["0.1"], ["1", "a"]), (["0.2"], ["2", "b"]), (["0.3"], ["3", "c"])]


def test_an_answer_of_one_line_with_a_number_for_each_row_is_spread_over_them(tmp_path):
    lines = [record("1,a\n2,b\n", "0.1,0.2"), record('1,"a"\n2,"b"\n', "0.1,0.2")]
    found, _ = rows(captured(tmp_path, lines))
    assert found == [(["0.1"], ["1", "a"]), (["0.2"], ["2", "b"])] * 2


def test_quoted_cells_may_hold_commas_line_feeds_and_quotes(tmp_path):
    found, tally = rows(captured(tmp_path, [record(), record('1,"a, b\nc ""d""",2', "0.5"), record()]))
    assert found[1] == (["0.5"], ["1", 'a, b\nc "d"', "2"])
    assert len(found) == 3
    assert not tally.listed


def test_more_rows_asked_than_answered_are_set_aside_with_both_numbers(tmp_path):
    found, tally = rows(captured(tmp_path, [record("1\n2\n3", "0.1\n0.2")]))
    assert found == []
    assert reasons(tally) == [(1, "3 input rows, but 2 output rows")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{broken", "the line is not valid JSON: Expecting property name enclosed in double quotes at character 2"),
        (b"[1, 2]", "the line is JSON, but not an object"),
        (b'"text"', "the line is JSON, but not an object"),
        (b'{"captureData": "\xff"}', "the line is not UTF-8"),
        (b'{"captureData": []}', "captureData is not an object"),
        (b'{"captureData": {"endpointInput": {"data": "\\ud800"}}}', "the line is not UTF-8"),
        (b"{}", "eventMetadata.inferenceTime is None, not a time"),
        (record(time="yesterday"), "eventMetadata.inferenceTime is 'yesterday', not a time"),
        (record(outputs=None), "captureData.endpointOutput.data is missing"),
        (record(inputs=""), "captureData.endpointInput.data is empty"),
        (record(inputs="\n"), "captureData.endpointInput.data is empty"),
        (record(inputs='1,"open', outputs="1"), "the CSV payload cannot be read: unexpected end of data"),
        (
            record(encoding="BASE64"),
            "endpointOutput is captured as BASE64 (content type text/csv); only CSV and JSON payloads are read",
        ),
        (
            record(encoding="PROTO"),
            "endpointOutput is captured as PROTO (content type text/csv); only CSV and JSON payloads are read",
        ),
        (record(encoding="JSON"), "the JSON payload is not valid: Expecting value at character 2"),
    ],
)
def test_a_malformed_record_is_set_aside_with_its_line_and_reason_and_its_neighbours_are_not(tmp_path, line, reason):
    found, tally = rows(captured(tmp_path, [record(), line, record()]), windows=(WINDOW,))
    assert len(found) == 2
    assert reasons(tally) == [(2, reason)]
    assert tally.listed[0].file == "14/00-00-000-a.jsonl"
    assert tally.rows().set_aside == 1


def test_lines_are_numbered_as_an_editor_does_also_after_blank_ones(tmp_path):
    _, tally = rows(captured(tmp_path, [record(), b"", record(outputs=None)]))
    assert [fault.line for fault in tally.listed] == [3]


@pytest.mark.parametrize(
    ("time", "inside"),
    [
        ("2026-11-01T13:59:59Z", False),
        ("2026-11-01T14:00:00Z", True),
        ("2026-11-01T14:59:59Z", True),
        ("2026-11-01T14:59:59.999Z", True),
        ("2026-11-01T15:00:00Z", False),
        ("2026-11-01T15:30:00+01:00", True),
    ],
)
def test_a_window_takes_its_start_and_not_its_end(tmp_path, time, inside):
    found, tally = rows(captured(tmp_path, [record("1\n2", "1\n2", time=time)]), windows=(WINDOW,))
    assert (len(found), tally.rows().outside_window) == ((2, 0) if inside else (0, 2))


def test_shadow_traffic_is_skipped_and_counted(tmp_path):
    found, tally = rows(captured(tmp_path, [record(source="ShadowExperiment"), record()]), windows=(WINDOW,))
    assert (len(found), tally.rows().skipped) == (1, 1)


def test_files_are_read_in_the_order_of_their_keys_wherever_they_lie(tmp_path):
    captured(tmp_path, [record(identity="late")], "ep/AllTraffic/2026/11/01/14/30-00.jsonl")
    captured(tmp_path, [record(identity="early")], "ep/AllTraffic/2026/11/01/14/05-00.jsonl")
    captured(tmp_path, [b"no capture"], "ep/AllTraffic/2026/11/01/14/manifest.txt")
    tally = Tally()
    order = [part.frame["id"].to_list() for part in captured_rows(tmp_path, tally)]
    assert order == [["early"], ["late"]]
    ((unread, kind),) = [(fault.file, dict(tally.kinds)) for fault in tally.listed]
    assert (unread, kind) == ("ep/AllTraffic/2026/11/01/14/manifest.txt", {"file": 1})


def test_compressed_files_are_read_as_if_they_were_not(tmp_path):
    lines = [record(identity=f"e-{n}", inputs=f"{n},a") for n in range(50)]
    plain, _ = rows(captured(tmp_path / "plain", lines))
    compress(captured(tmp_path / "gzip", lines) / "14/00-00-000-a.jsonl")
    assert rows(tmp_path / "gzip")[0] == plain


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_compressed_file_that_breaks_off_is_counted_and_named(tmp_path, keep):
    path = compress(captured(tmp_path, [record(identity=f"e-{n}") for n in range(50)]) / "14/00-00-000-a.jsonl")
    whole = path.read_bytes()
    path.write_bytes(b"not gzip" + whole if not keep else whole[: int(len(whole) * keep)])
    _, tally = rows(tmp_path)
    assert tally.listed[-1].file == "14/00-00-000-a.jsonl.gz"
    assert "no whole gzip file" in tally.listed[-1].reason


def test_only_the_input_is_asked_for_where_only_it_is_captured(tmp_path):
    found, tally = rows(captured(tmp_path, [record(outputs=None)]), sides=("input",))
    assert found == [(None, ["1", "2.5", "red"])]
    assert not tally.listed


def test_a_missing_folder_is_an_error_that_says_where_to_look(tmp_path):
    with pytest.raises(CaptureError, match="Check the job's inputs"):
        rows(tmp_path / "nowhere")


JSONS = st.lists(
    st.one_of(
        st.dictionaries(st.sampled_from("abc"), st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=2))),
        st.lists(st.integers(0, 3), max_size=3),
        st.fixed_dictionaries({"instances": st.lists(st.lists(st.booleans(), max_size=2), max_size=2)}),
    ).map(json.dumps),
    min_size=1,
    max_size=2,
).map("\n".join)
RECORDS = st.one_of(
    st.builds(
        record,
        st.one_of(st.none(), st.text('1a,"\n\r ', max_size=12), JSONS),
        st.one_of(st.none(), st.text('0,"\n', max_size=6), JSONS),
        time=st.sampled_from(["2026-11-01T14:05:00Z", "2026-11-01T16:05:00Z", "soon", None]),
        encoding=st.sampled_from(["CSV", "CSV", "CSV", "JSON", "BASE64"]),
        source=st.sampled_from([None, None, "ShadowExperiment"]),
    ),
    st.binary(max_size=30).filter(lambda raw: b"\n" not in raw),
    st.recursive(
        st.one_of(st.none(), st.text(max_size=3), st.integers()),
        lambda x: st.lists(x) | st.dictionaries(st.text(max_size=3), x),
        max_leaves=5,
    ).map(lambda value: json.dumps(value).encode()),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    lines=st.lists(RECORDS, max_size=12),
    size=st.sampled_from([40, 400, 10_000]),
    selection=st.sampled_from([JsonPayloads(), JsonPayloads(input_rows="instances", output_rows="instances")]),
    strict=st.booleans(),
    compressed=st.booleans(),
)
def test_no_row_is_lost_whatever_stands_in_the_lines(tmp_path_factory, lines, size, selection, strict, compressed):
    folder = captured(tmp_path_factory.mktemp("capture"), lines)
    options = {"windows": (WINDOW,), "json_payloads": selection, "strict": strict}
    if compressed:
        compress(folder / "14/00-00-000-a.jsonl")
    whole, tally = rows(folder, **options)
    counts = tally.rows()
    assert counts.read == counts.analysed + counts.set_aside + counts.outside_window + counts.skipped
    assert counts.analysed == len(whole)
    written = sum(1 for line in lines if not isinstance(line, bytes) or line.strip())
    assert counts.read >= written
    # Read in pieces, the same rows come out: what one piece holds does not decide how another is read.
    original = files_module.chunks.__defaults__
    files_module.chunks.__defaults__ = (size,)
    try:
        pieces, again = rows(folder, **options)
    finally:
        files_module.chunks.__defaults__ = original
    # Rows with names and rows without go separate ways, each in order.
    for kind in (dict, tuple):
        assert [row for row in pieces if isinstance(row, kind)] == [row for row in whole if isinstance(row, kind)]
    assert again.rows() == counts
    assert sorted(reasons(again)) == sorted(reasons(tally))
