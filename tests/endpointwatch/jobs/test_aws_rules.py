"""Rules of AWS's analyzer that no recorded output shows, each with the source it is taken from."""

from __future__ import annotations

import io
import json

import polars as pl
import pytest

DATA = "input/data"
ENVIRONMENT = {"dataset_source": f"/opt/ml/processing/{DATA}", "output_path": "/opt/ml/processing/output"}
CSV, CSV_HEADER, PARQUET = {"csv": {"header": False}}, {"csv": {"header": True}}, {"parquet": {}}
JSON_LINES = {"json": {"lines": True}}
BOTH = {"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}
STRICT = {"aws_compatible": "Enabled"}


@pytest.fixture
def analysed(job):
    """Run the entry point over one file; with ``baseline`` (a run) against what that one wrote."""

    def run(content: str | bytes, form, *, baseline=None, code: int = 0, **environment: str):
        one = job()
        one.put(f"{DATA}/a.jsonl", content)
        told = {**ENVIRONMENT, "dataset_format": json.dumps(form), **environment}
        if baseline is not None:
            for kind in ("constraints", "statistics"):
                one.put(f"baseline/{kind}.json", (baseline.output / f"{kind}.json").read_bytes())
                told[f"baseline_{kind}"] = f"/opt/ml/processing/baseline/{kind}.json"
        assert one.run_with(told) == code, one.message
        return one

    return run


def features(one) -> dict[str, str]:
    return {feature["name"]: feature["inferred_type"] for feature in one.document("statistics.json")["features"]}


def violations(one) -> list[tuple[str, str]]:
    found = one.document("constraint_violations.json")["violations"]
    return [(violation["feature_name"], violation["constraint_check_type"]) for violation in found]


def capture(output: str | None, data: str | None) -> str:
    sides = {"endpointOutput": output, "endpointInput": data}
    told = {key: {"data": text, "encoding": "CSV"} for key, text in sides.items() if text is not None}
    about = {"eventId": "e", "inferenceTime": "2026-11-01T14:05:00Z"}
    return json.dumps({"captureData": told, "eventMetadata": about, "eventVersion": "0"}) + "\n"


@pytest.mark.parametrize("settings", [{}, STRICT])
def test_buckets_follow_the_switch_down_to_the_file(analysed, settings):
    """Source: awslabs/deequ, ``KLLRunner.scala``: the search for the minimum begins at Int.MaxValue."""
    one = analysed("1700000000000\n1700000000900\n", CSV, **settings)
    (feature,) = one.document("statistics.json")["features"]
    first = feature["numerical_statistics"]["distribution"]["kll"]["buckets"][0]
    assert first["lower_bound"] == (2147483647.0 if settings else 1.7e12)


@pytest.mark.parametrize(
    ("content", "form", "columns"),
    [
        ("a,b,c\n1,2,3\n1,2\n1\n4,5,6\n", CSV_HEADER, {"a": (4, 0), "b": (3, 1), "c": (2, 2)}),
        ("a,b\n1,2\n1,2,3\n4,5\n", CSV_HEADER, {"a": (3, 0), "b": (3, 0)}),
        ("a,b\n1,2,3\n4,5,6\n", CSV_HEADER, {"a": (2, 0), "b": (2, 0)}),
        ("1,2,3\n1,2\n4,5,6,7\n", CSV, {"_c0": (3, 0), "_c1": (3, 0), "_c2": (2, 1)}),
        ('a,b\n\n1,2\n   \n3,"4"\n', CSV_HEADER, {"a": (2, 0), "b": (2, 0)}),
        ('a\n1\n   \n""\n3\n', CSV_HEADER, {"a": (2, 1)}),
    ],
    ids=["short", "long", "short-header", "no-header", "blanks", "one-column"],
)
def test_rows_of_another_width_than_the_header_are_filled_up_and_cut_where_awss_way_is_asked_for(
    analysed, content, form, columns
):
    """Source: what Spark 4.3 reads of the same bytes (present and missing values a column)."""
    one = analysed(content, form, **STRICT)
    found = one.document("statistics.json")["features"]
    counts = {feature["name"]: feature["numerical_statistics"]["common"] for feature in found}
    assert {name: (told["num_present"], told["num_missing"]) for name, told in counts.items()} == columns


@pytest.mark.parametrize(("settings", "order"), [({}, ["b", "a10", "a2"]), (STRICT, ["a10", "a2", "b"])])
def test_columns_of_json_stand_in_the_order_of_the_alphabet_where_awss_way_is_asked_for(analysed, settings, order):
    """Source: apache/spark, ``JsonInferSchema``: the fields of an inferred schema are sorted by name."""
    one = analysed('{"b": 1, "a10": "x"}\n{"a2": 2.5, "b": 3}\n', JSON_LINES, **settings)
    assert list(features(one)) == order


@pytest.mark.parametrize("settings", [{}, STRICT])
@pytest.mark.parametrize(("output", "data"), [(None, "1,2\n3,4"), ("1,2\n3,4", None)])
def test_a_capture_of_one_side_is_analysed_though_schedules_ask_for_both(analysed, settings, output, data):
    """Source: the contract of data capture: a record has the sides that CaptureOptions name."""
    baseline = analysed("1,2\n3,4\n", CSV)
    one = analysed(capture(output, data), BOTH, baseline=baseline, **settings)
    assert (features(one), violations(one)) == ({"_c0": "Integral", "_c1": "Integral"}, [])


def test_a_single_record_without_output_among_others_is_set_aside(analysed):
    one = analysed(capture("1", "2") + capture(None, "3"), BOTH)
    assert one.document("statistics.json")["dataset"]["item_count"] == 1


@pytest.mark.parametrize("told", ["2", "label", " label ,", "2, label"])
@pytest.mark.parametrize("form", [CSV, CSV_HEADER])
@pytest.mark.parametrize("settings", [{}, STRICT])
def test_excluded_features_are_left_out_by_place_or_name_whether_the_baseline_has_them_or_not(
    analysed, told, form, settings
):
    """Source: SageMaker SDK, ``EndpointInput.exclude_features_attribute``: comma-separated indices or names."""
    header = form is CSV_HEADER
    text = ("a,b,label\n" if header else "") + "1,x,7\n2,y,8\n"
    told = told if header else told.replace("label", "_c2")
    names = ["a", "b"] if header else ["_c0", "_c1"]
    with_it = analysed(text, form)
    without = analysed("\n".join(line.rsplit(",", 1)[0] for line in text.splitlines()) + "\n", form)
    wrong = text.replace("7", "seven")
    for baseline in (with_it, without):
        one = analysed(wrong, form, baseline=baseline, exclude_features_attribute=told, **settings)
        assert (list(features(one)), violations(one)) == (names, [])
    assert [v for v in violations(analysed(wrong, form, baseline=with_it, **settings)) if v[1] == "data_type_check"]


def test_captures_without_an_excluded_feature_take_the_baselines_names_by_position(analysed):
    baseline = analysed("p,a\n1,2\n", CSV_HEADER)
    one = analysed(capture("1", "2,secret"), BOTH, baseline=baseline, exclude_features_attribute="2")
    assert (features(one), violations(one)) == ({"p": "Integral", "a": "Integral"}, [])


def test_an_excluded_feature_that_is_not_there_is_an_error_that_names_those_that_are(analysed):
    one = analysed("a,b\n1,2\n", CSV_HEADER, code=255, exclude_features_attribute="a,c,2")
    assert "exclude_features_attribute has ['c', '2'], but the columns are a, b" in one.message


def test_not_a_number_in_json_is_a_missing_value(analysed):
    one = analysed('{"f": 1.5}\n{"f": NaN}\n', JSON_LINES)
    assert features(one) == {"f": "Fractional"}
    assert [feature["completeness"] for feature in one.document("constraints.json")["features"]] == [0.5]


def test_not_a_number_in_a_float_column_of_parquet_is_a_missing_value(analysed):
    buffer = io.BytesIO()
    pl.DataFrame({"f": [1.5, float("nan"), 2.0], "w": [1.0, None, 3.0]}).write_parquet(buffer)
    one = analysed(buffer.getvalue(), PARQUET)
    assert features(one) == {"f": "Fractional", "w": "Fractional"}
    assert [f["completeness"] for f in one.document("constraints.json")["features"]] == [2 / 3, 2 / 3]


@pytest.mark.parametrize("captured", [False, True])
@pytest.mark.parametrize(
    ("settings", "found"),
    [({}, [("b", "completeness_check")]), (STRICT, [("Missing columns", "missing_column_check")])],
)
def test_a_key_that_no_row_has_is_a_missing_column_where_awss_way_is_asked_for(analysed, captured, settings, found):
    """Source: apache/spark, ``JsonInferSchema``: a schema has the keys that are there; the check counts columns."""
    baseline = analysed('{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n', JSON_LINES)
    rows = '{"a": 1}\n{"a": 3}'
    side = {"endpointInput": {"data": rows, "encoding": "JSON"}}
    record = {"captureData": side, "eventMetadata": {"inferenceTime": "2026-11-01T14:05:00Z"}}
    content, form = (json.dumps(record), BOTH) if captured else (rows, JSON_LINES)
    assert violations(analysed(content, form, baseline=baseline, **settings)) == found


@pytest.mark.parametrize("settings", [{}, STRICT])
def test_a_key_that_is_null_in_every_row_is_an_incomplete_column(analysed, settings):
    baseline = analysed('{"a": 1, "b": 2}\n', JSON_LINES)
    one = analysed('{"a": 1, "b": null}\n', JSON_LINES, baseline=baseline, **settings)
    assert violations(one) == [("b", "completeness_check")]
