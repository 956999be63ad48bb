from __future__ import annotations

import gzip
import io
import json
import re

import polars as pl
import pytest

from endpointwatch.__main__ import main as endpointwatch
from endpointwatch.commands.analyze import main

TYPES = {"amount": "Fractional", "ratio": "Fractional", "colour": "String"}


@pytest.fixture
def data(history, tmp_path):
    """CSV files of the history's rows."""

    def write(name: str, *, first: int = 0, count: int = 2000, shift: float = 0.0):
        path = tmp_path / name
        history.rows(first, count, shift).write_csv(path)
        return str(path)

    return write


@pytest.fixture
def baseline(data, tmp_path):
    folder = tmp_path / "baseline"
    assert main([data("train.csv"), "--output", str(folder)]) == 0
    return str(folder)


def test_a_data_set_is_described_in_a_table_and_in_awss_files(data, tmp_path, capsys):
    output = tmp_path / "report"
    assert endpointwatch(["analyze", data("train.csv"), "--output", str(output)]) == 0
    titles, *lines = capsys.readouterr().out.splitlines()
    assert titles.split() == ["feature", "type", "missing", "mean", "std", "dev", "min", "max", "distinct"]
    assert {line.split()[0]: line.split()[1] for line in lines[:3]} == TYPES
    assert "2000 rows, 3 columns. No baseline, so nothing was checked." in lines
    assert {path.name for path in output.iterdir()} == {"constraints.json", "state.arrow", "statistics.json"}
    assert json.loads((output / "statistics.json").read_bytes())["dataset"] == {"item_count": 2000}


def test_data_that_keeps_the_constraints_ends_with_0_and_shows_its_distances(data, baseline, capsys):
    capsys.readouterr()
    assert main([data("today.csv", first=500), "--baseline", baseline]) == 0
    out = capsys.readouterr().out
    assert "All constraints hold." in out
    assert "distance" in out.splitlines()[0]
    assert "Written to" not in out


def test_drift_ends_with_1_is_marked_and_stands_in_the_violations_file(data, baseline, tmp_path, capsys):
    output = tmp_path / "report"
    assert main([data("today.csv", shift=0.3), "--baseline", baseline, "--output", str(output)]) == 1
    out = capsys.readouterr().out
    assert re.search(r"^amount .* drift$", out, re.MULTILINE)
    assert not re.search(r"^ratio .* drift$", out, re.MULTILINE)
    (violation,) = json.loads((output / "constraint_violations.json").read_bytes())["violations"]
    assert f"  amount: baseline_drift_check: {violation['description']}" in out.splitlines()


def test_a_shell_says_what_a_job_says_also_as_aws_counts(tmp_path, capsys):
    then, now = tmp_path / "then.csv", tmp_path / "now.csv"
    then.write_text("flag\n" + "0\n1\n" * 500, encoding="utf-8")
    now.write_text("flag\n" + "1\n" * 1000, encoding="utf-8")
    assert main([str(then), "--output", str(tmp_path / "b")]) == 0
    assert main([str(now), "--baseline", str(tmp_path / "b")]) == 1
    assert main([str(now), "--baseline", str(tmp_path / "b"), "--aws-compatible"]) == 0


def test_data_without_a_header_has_numbered_columns(tmp_path, capsys):
    (tmp_path / "bare.csv").write_text("1,x\n2,y\n", encoding="utf-8")
    assert main([str(tmp_path / "bare.csv"), "--no-header"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[1:3]] == ["_c0", "_c1"]
    assert "2 rows" in out


CAPTURE = {
    "captureData": {
        "endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": "5", "encoding": "CSV"},
        "endpointOutput": {"observedContentType": "text/csv", "mode": "OUTPUT", "data": "red", "encoding": "CSV"},
    },
    "eventMetadata": {"eventId": "a", "inferenceTime": "2026-11-01T14:00:00Z"},
    "eventVersion": "0",
}


def parquet() -> bytes:
    written = io.BytesIO()
    pl.DataFrame({"colour": ["red"], "size": [5]}).write_parquet(written)
    return written.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "columns"),
    [
        ("00.jsonl", json.dumps(CAPTURE).encode(), ["_c0", "_c1"]),
        ("00.jsonl.gz", gzip.compress(json.dumps(CAPTURE).encode()), ["_c0", "_c1"]),
        ("rows.csv.gz", gzip.compress(b"colour,size\nred,5\n"), ["colour", "size"]),
        ("rows.jsonl", b'{"colour": "red", "size": 5}\n', ["colour", "size"]),
        ("rows.json", b'{\n  "colour": "red",\n  "size": 5\n}\n', ["colour", "size"]),
        ("rows.json", b'[{"colour": "red", "size": 5}]', ["colour", "size"]),
        ("rows.parquet", parquet(), ["colour", "size"]),
    ],
    ids=["capture", "capture-gz", "csv-gz", "json-lines", "json-object", "json-array", "parquet"],
)
def test_a_format_is_recognised_by_suffix_and_first_line(tmp_path, capsys, name, content, columns):
    (tmp_path / name).write_bytes(content)
    assert main([str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[1:3]] == columns
    assert "1 row, 2 columns" in out


def test_rows_that_cannot_be_read_are_counted_beside_the_table_not_in_it(tmp_path, capsys):
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n3\n4,5\n", encoding="utf-8")
    assert main([str(tmp_path / "odd.csv")]) == 0
    out, err = capsys.readouterr()
    assert "2 rows, 2 columns" in out
    assert "set aside 1" in err
    assert "odd.csv:3" in err


def test_progress_is_shown_on_long_inputs(tmp_path, capsys):
    (tmp_path / "long.csv").write_text("a\n" + "123456789012345678901234567890123456789\n" * 600_000, encoding="utf-8")
    assert main([str(tmp_path / "long.csv")]) == 0
    assert re.search(r"^\d+ rows so far", capsys.readouterr().err, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["nowhere.csv"], "no such file or folder", id="no data"),
        pytest.param(["{data}", "--baseline", "nowhere"], "Learn a baseline", id="no baseline"),
        pytest.param(["{data}", "--format", "capture"], "No row could be analysed", id="another format"),
    ],
)
def test_what_cannot_be_analysed_is_said_in_a_sentence_with_exit_code_2(data, capsys, arguments, words):
    path = data("train.csv")
    assert main([argument.replace("{data}", path) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error


@pytest.mark.parametrize("command", ["analyze", "replay", "merge-states"])
def test_help_has_examples_and_says_what_the_exit_codes_mean(command, capsys):
    with pytest.raises(SystemExit) as ended:
        endpointwatch([command, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert f"python -m endpointwatch {command} " in text.split("examples:")[1]
    assert "exit codes: 0" in text
