"""Model Monitor's scripts around an analysis, under its own environment keys."""

from __future__ import annotations

import json
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endpointwatch.capture.tally import Tally
from endpointwatch.jobs.scripts import Preprocessor

INPUT = "input/data"
CAPTURE = json.dumps({"sagemakerCaptureJson": {}})
SCRIPT = "/opt/ml/processing/code/script.py"
ENVIRONMENT = {
    "dataset_source": f"/opt/ml/processing/{INPUT}",
    "output_path": "/opt/ml/processing/output",
    "dataset_format": CAPTURE,
    "publish_cloudwatch_metrics": "Disabled",
}


def run(job, script, content, key="record_preprocessor_script", **environment):
    running = job()
    running.put("code/script.py", textwrap.dedent(script))
    running.put(f"{INPUT}/a.jsonl", content)
    running.code = running.run_with({**ENVIRONMENT, key: SCRIPT, **environment})
    return running


def columns(done):
    assert done.code == 0, done.message
    told = {}
    for feature in done.document("statistics.json")["features"]:
        inner = feature.get("numerical_statistics") or feature["string_statistics"]
        told[feature["name"]] = (inner["common"]["num_present"], inner["common"]["num_missing"])
    return told


def test_a_script_makes_columns_in_the_order_of_their_keys_and_none_is_missing(job, traffic):
    script = """
        def preprocess_handler(inference_record):
            amount, ratio, colour = inference_record.endpoint_input.data.strip().split(",")
            score = float(inference_record.endpoint_output.data)
            return {"c10": score, "c2": None if colour == "red" else colour, "a": int(amount)}
    """
    assert columns(run(job, script, "\n".join(traffic.lines(100)))) == {"a": (100, 0), "c10": (100, 0), "c2": (50, 50)}


def test_a_script_sees_the_whole_record_a_logger_and_the_users_environment(job, traffic):
    script = """
        import os

        def preprocess_handler(inference_record, logger):
            logger.info("one more")
            metadata = inference_record.event_metadata
            assert metadata.custom_attribute is None
            assert inference_record.event_dict["eventMetadata"]["eventId"] == metadata.event_id
            assert inference_record.endpoint_input.encoding == "CSV"
            assert inference_record.endpoint_input.observedContentType == "text/csv"
            assert inference_record.endpoint_input.mode == "INPUT"
            assert inference_record.batch_transform_output is None
            assert inference_record.ground_truth is None
            assert inference_record.event_version == "0"
            return {"time": metadata.event_time, "team": os.environ["team"]}
    """
    assert columns(run(job, script, "\n".join(traffic.lines(10)), team="loans")) == {"team": (10, 0), "time": (10, 0)}


def test_records_are_dropped_fail_or_become_several_rows_and_all_are_counted(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(
        textwrap.dedent("""
        def preprocess_handler(record):
            n = int(record)
            if n == 0:
                return []
            return {"n": 6 / (n - 3)} if n != 2 else [{"n": n}, {"n": n}]
    """),
        encoding="utf-8",
    )
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.csv").write_text("0\n1\n2\n3\n", encoding="utf-8")
    tally = Tally()
    batches = list(Preprocessor(path).data_set(data, tally, objects=False))
    assert sum(batch.frame.height for batch in batches) == 3
    assert tally.skipped == 1
    ((line, reason),) = [(fault.line, fault.reason) for fault in tally.listed]
    assert (line, reason) == (4, "preprocess_handler failed: ZeroDivisionError: division by zero")


def test_only_records_of_the_window_reach_the_script(job, traffic):
    script = "def preprocess_handler(record): return {'n': 1}"
    done = run(
        job,
        script,
        "\n".join(traffic.lines(60)),
        start_time="2026-11-01T14:00:00Z",
        end_time="2026-11-01T14:30:00Z",
    )
    assert columns(done) == {"n": (30, 0)}


@pytest.mark.parametrize(
    ("form", "content", "script"),
    [
        ({"csv": {"header": True}}, "x,y\n1,2\n3,4\n", "dict(zip('ab', record.split(',')))"),
        ({"json": {"lines": True}}, '{"x": 1, "y": 2}\n{"x": 3, "y": 4}\n', "{'a': record['x'], 'b': record['y']}"),
    ],
)
def test_a_data_sets_script_is_given_lines_as_texts_and_objects_as_dicts(job, form, content, script):
    done = run(job, f"def preprocess_handler(record): return {script}", content, dataset_format=json.dumps(form))
    assert columns(done) == {"a": (2, 0), "b": (2, 0)}


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("def preprocess_handler(record): raise KeyError('x')", "preprocess_handler failed: KeyError: 'x'"),
        ("def preprocess_handler(record): return 7", "returned int; it must return a dict of columns, or []"),
        ("def preprocess_handler(record): return {'a': {}}", "returned a row that is not flat"),
        ("def other(record): return {}", "has no function preprocess_handler"),
        ("1 / 0", "cannot be run: ZeroDivisionError"),
    ],
)
def test_a_script_that_gives_no_row_leaves_its_reason_in_the_message(job, traffic, script, says):
    done = run(job, script, traffic.record(1))
    assert done.code == 255
    assert says in done.message


def test_a_script_is_refused_for_parquet(job, traffic):
    done = run(job, "def preprocess_handler(r): return {}", traffic.record(1), dataset_format='{"parquet": {}}')
    assert done.code == 255
    assert "record_preprocessor_script is set, but dataset_format is" in done.message


def test_the_postprocessor_is_called_once_the_report_is_there(job, traffic):
    script = """
        import os, pathlib

        def postprocess_handler():
            report = pathlib.Path(os.environ["where"]) / "processing" / "output" / "statistics.json"
            report.with_name("seen").write_text(str(report.is_file()))
    """
    base = job().base.parent / "ml2"
    done = run(job, script, traffic.record(1), key="post_analytics_processor_script", where=str(base))
    assert done.code == 0, done.message
    assert (done.output / "seen").read_text(encoding="utf-8") == "True"


def test_a_postprocessor_that_fails_fails_the_job_with_the_reason(job, traffic):
    script = "def postprocess_handler(): raise ValueError('no')"
    done = run(job, script, traffic.record(1), key="post_analytics_processor_script")
    assert done.code == 255
    assert "postprocess_handler in" in done.message
    assert "ValueError: no" in done.message


@settings(max_examples=100, deadline=None)
@given(
    lines=st.lists(
        st.one_of(
            st.sampled_from([b"drop", b"row", b"twice", b"fail", b"odd"]).map(lambda word: b'{"w": "%s"}' % word),
            st.binary(max_size=8).filter(lambda raw: b"\n" not in raw),
        ),
        max_size=12,
    )
)
def test_every_line_a_script_is_given_is_accounted_for(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("script")
    (folder / "script.py").write_text(
        "def preprocess_handler(record):\n"
        "    return {'drop': [], 'row': {'a': 1}, 'twice': [{'a': 1}, {'b': 2}], 'odd': 3}[record['w']]\n",
        encoding="utf-8",
    )
    (folder / "data").mkdir()
    (folder / "data" / "a.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    tally = Tally()
    batches = list(Preprocessor(folder / "script.py").data_set(folder / "data", tally, objects=True))
    tally.analysed = sum(batch.frame.height for batch in batches)
    written = sum(2 if line == b'{"w": "twice"}' else 1 for line in lines if line.strip())
    assert tally.rows().read == written
    assert tally.skipped == lines.count(b'{"w": "drop"}')
