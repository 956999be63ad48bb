from __future__ import annotations

import base64
import json

import pytest

from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading, captured_rows
from endpointwatch.config.data_quality import JsonPayloads


def side(data, encoding="JSON", kind="application/json"):
    text = data if isinstance(data, str) else json.dumps(data)
    return {"observedContentType": kind, "data": text, "encoding": encoding}


def read(folder, *records, strict=False, **paths):
    """Rows by name (dicts) and by position (lists) of (output, input) sides, and the tally."""
    lines = [
        json.dumps({"captureData": {"endpointOutput": output, "endpointInput": given}, "eventMetadata": {}})
        for output, given in records
    ]
    (folder / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    tally = Tally()
    found = []
    for part in captured_rows(folder, tally, Reading(json_payloads=JsonPayloads(**paths), strict=strict)):
        cells = part.cells(("output", "input"))["cells"].to_list()
        tally.analysed += len(cells)
        found += [dict(zip(part.names, row, strict=True)) for row in cells] if part.names else cells
    return found, tally


def reason(tally):
    (fault,) = tally.listed
    return fault.reason


def test_flat_objects_are_columns_by_key_the_outputs_first(tmp_path):
    found, tally = read(tmp_path, (side({"score": 0.7}), side({"age": 41, "job": "clerk", "member": True})))
    assert found == [{"score": "0.7", "age": "41", "job": "clerk", "member": "true"}]
    assert list(found[0]) == ["score", "age", "job", "member"]
    assert not tally.listed


def test_a_key_that_is_not_there_and_null_are_missing_values_in_whatever_order_keys_come(tmp_path):
    found, _ = read(
        tmp_path,
        (side({"score": 1}), side({"a": 1, "b": None})),
        (side({"score": 2}), side({"b": "x"})),
        (side({"score": 3}), side({"c": 9, "a": 2})),
    )
    assert found == [
        {"score": "1", "a": "1", "b": None, "c": None},
        {"score": "2", "a": None, "b": "x", "c": None},
        {"score": "3", "a": "2", "b": None, "c": "9"},
    ]


@pytest.mark.parametrize("text", ['[{"a":1},{"a":2}]', '{"a":1}\n{"a":2}\n', '{"a":1}\n\n{\n"a":2}'])
def test_arrays_of_objects_and_json_lines_are_many_rows(tmp_path, text):
    found, _ = read(tmp_path, (side("[0.1, 0.2]"), side(text)))
    assert found == [["0.1", "1"], ["0.2", "2"]]
    found, _ = read(tmp_path, (side('[{"s":0.1},{"s":0.2}]'), side(text)))
    assert found == [{"s": "0.1", "a": "1"}, {"s": "0.2", "a": "2"}]


def test_paths_select_rows_and_columns_and_a_row_without_label_keeps_its_place(tmp_path):
    paths = {
        "input_rows": "instances",
        "input_columns": "{age: person.age, amount: amount}",
        "output_rows": "predictions",
        "output_columns": "{label: label}",
    }
    given = {"instances": [{"person": {"age": 40 + n}, "amount": n, "tags": [1]} for n in range(3)]}
    answered = {"predictions": [{"label": 1}, {"other": 0}, {"label": 0}]}
    found, tally = read(tmp_path, (side(answered), side(given)), **paths)
    assert found == [{"label": label, "age": str(40 + n), "amount": str(n)} for n, label in enumerate(["1", None, "0"])]
    assert not tally.listed


def test_an_object_beside_csv_goes_by_the_order_of_its_keys_names(tmp_path):
    csv_side = side("41,blue\n38,red\n", "CSV", "text/csv")
    answered = side('{"score":0.7,"label":1}\n{"label":0,"score":0.2}')
    found, _ = read(tmp_path, (answered, csv_side))
    assert found == [["1", "0.7", "41", "blue"], ["0", "0.2", "38", "red"]]


def test_differing_encodings_are_refused_where_awss_analyzer_refuses_them(tmp_path):
    found, tally = read(tmp_path, (side({"score": 0.7}), side("41", "CSV", "text/csv")), strict=True)
    assert found == []
    assert tally.kinds == {"encoding": 1}
    assert "Model Monitor refuses records whose encodings differ" in reason(tally)


@pytest.mark.parametrize(
    ("output", "given", "paths", "says"),
    [
        ({"p": 1}, {"instances": [[1]]}, {}, "set `input_rows: instances`"),
        ({"p": 1}, {"person": {"age": 4}}, {}, "set `input_columns: <JMESPath of flat values>`"),
        ({"p": 1}, {"a": 1}, {"input_rows": "instances"}, "'instances' finds nothing in the input"),
        ({"p": 1}, {"a": 1}, {"input_columns": "features"}, "'features' finds nothing in row 1"),
        ({"p": 1}, {"a": "x"}, {"input_columns": "abs(a)"}, "json_payloads.input_columns 'abs(a)' fails"),
        ({"id": 1}, {"id": 1}, {}, "'id' stands in the output and in the input"),
        ([{"p": 1}, {"p": 2}], {"a": 1}, {}, "1 input rows, but 2 output rows"),
        ({}, {}, {}, "row 1 of the payload has no values"),
        ("{", {"a": 1}, {}, "the JSON payload is not valid"),
        ("[" * 100_000, {"a": 1}, {}, "the JSON payload is nested too deeply"),
        ("9" * 5000, {"a": 1}, {}, "the JSON payload cannot be read"),
        ('"\\ud800"', {"a": 1}, {}, "half of a surrogate pair"),
        (" ", " ", {}, "the payload holds no rows"),
    ],
)
def test_what_is_no_flat_row_is_set_aside_with_the_remedy(tmp_path, output, given, paths, says):
    found, tally = read(tmp_path, (side(output), side(given)), **paths)
    assert found == []
    assert says in reason(tally)
    assert tally.rows().set_aside == 1


@pytest.mark.parametrize(
    ("text", "kind"),
    [("41,blue\n", "text/csv; charset=utf-8"), ('{"a": 41, "b": "blue"}', "Application/JSON; charset=utf-8")],
)
def test_base64_is_undone_where_the_content_type_says_what_it_holds(tmp_path, text, kind):
    coded = side(base64.b64encode(text.encode()).decode(), "BASE64", kind)
    found, tally = read(tmp_path, (side("0.7", "CSV", "text/csv"), coded))
    assert found == [["0.7", "41", "blue"]]
    assert not tally.listed
    found, tally = read(tmp_path, (side("0.7", "CSV", "text/csv"), coded), strict=True)
    assert found == []
    assert "endpointInput is captured as BASE64" in reason(tally)


@pytest.mark.parametrize(
    ("data", "kind"), [("AAAA", "image/png"), ("no base64!", "text/csv"), ("/////w==", "text/csv"), ("QQ==", None)]
)
def test_base64_of_anything_else_stays_evidence_of_mixed_encodings(tmp_path, data, kind):
    found, tally = read(tmp_path, (side("0.7", "CSV", "text/csv"), side(data, "BASE64", kind)))
    assert found == []
    assert tally.kinds == {"encoding": 1}
    assert "endpointInput is captured as BASE64" in reason(tally)


def test_a_path_that_is_no_jmespath_is_refused_with_the_place_of_the_fault():
    with pytest.raises(ValueError, match="'a\\[' is no JMESPath expression"):
        JsonPayloads(input_rows="a[")
