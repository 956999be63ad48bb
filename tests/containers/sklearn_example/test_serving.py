"""A row scores the same however it is asked: alone, among others, by CSV, by JSON, by HTTP or from a file."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.slow

CELLS = st.one_of(st.just(""), st.floats(-1e6, 1e6).map(lambda value: f"{value:.3f}"))
ROWS = st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=20)
SHARED = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def text(rows):
    return "".join(",".join(row) + "\n" for row in rows)


def scores(served, rows):
    status, content_type, body = served.post(text(rows))
    assert (status, content_type) == (200, "text/csv; charset=utf-8"), body
    return body.splitlines()


@SHARED
@given(rows=ROWS)
def test_there_are_as_many_scores_as_rows_and_each_is_a_probability_with_six_decimals(served, rows):
    found = scores(served, rows)
    assert len(found) == len(rows)
    assert all(len(score.partition(".")[2]) == 6 and 0 <= float(score) <= 1 for score in found)


@SHARED
@given(rows=ROWS)
def test_a_row_scores_the_same_alone_and_among_others(served, rows):
    assert scores(served, rows) == [scores(served, [row])[0] for row in rows]


@SHARED
@given(rows=ROWS)
def test_json_and_csv_agree(served, rows):
    instances = [{"features": [float(cell) if cell else None for cell in row]} for row in rows]
    status, content_type, body = served.post(json.dumps({"instances": instances}), "application/json")
    assert (status, content_type) == (200, "application/json")
    assert [f"{item['score']:.6f}" for item in json.loads(body)["predictions"]] == scores(served, rows)


def test_a_file_scores_as_the_same_rows_by_http(served, trained, data, tmp_path):
    rows = data.rows(200, seed=8, missing=0.2)
    file = data.write(tmp_path / "rows.csv", rows)
    scored = trained.run("score", "--model", str(trained.base / "model"), "--input", str(file))
    assert scored.stdout.splitlines() == scores(served, [row[1:] for row in rows])


def test_a_file_is_scored_by_the_names_of_its_columns_not_their_places(trained, data, tmp_path):
    rows = data.rows(50, seed=9)
    straight = data.write(tmp_path / "a.csv", rows)
    turned = data.write(tmp_path / "b.csv", [row[::-1] for row in rows], ("age", "debt", "income", "approve"))
    first, second = (
        trained.run("score", "--model", str(trained.base / "model"), "--input", str(file))
        for file in (straight, turned)
    )
    assert first.stdout == second.stdout != ""


def test_accept_may_ask_for_the_other_kind(served):
    _, content_type, body = served.post("1,2,3\n", "text/csv", "application/json")
    assert content_type == "application/json"
    assert len(json.loads(body)["predictions"]) == 1
    _, content_type, body = served.post('{"instances": [{"features": [1, 2, 3]}]}', "application/json", "text/csv")
    assert content_type == "text/csv; charset=utf-8"
    assert len(body.splitlines()) == 1


@pytest.mark.parametrize("body", ["1,2,3", "1,2,3\n", "1,2,3\r\n", "\ufeff1,2,3\n", " 1, 2, 3\n", '"1","2","3"'])
def test_line_ends_blanks_quotes_and_a_byte_order_mark_change_nothing(served, body):
    assert served.post(body)[2] == served.post("1,2,3\n")[2]


@pytest.mark.parametrize(
    ("body", "content_type", "status", "said"),
    [
        ("1,2\n", "text/csv", 400, "row 1: 2 values, but 3 expected"),
        ("1,2,3\n1,x,3\n", "text/csv", 400, "row 2, column 'debt': 'x' is not a number"),
        ("", "text/csv", 400, "no rows"),
        (b"\xff\xfe", "text/csv", 400, "not UTF-8"),
        ("{", "application/json", 400, "must be JSON of the form"),
        ('{"instances": 3}', "application/json", 400, "must be JSON of the form"),
        ('{"instances": [{"features": [1]}]}', "application/json", 400, "must have 3 features"),
        ('{"instances": [{"features": [1, "2", 3]}]}', "application/json", 400, "'2' is not a number"),
        ("<a/>", "application/xml", 415, "not supported"),
    ],
)
def test_a_request_that_cannot_be_read_is_answered_with_its_place(served, body, content_type, status, said):
    found = served.post(body, content_type)
    assert found[0] == status
    assert said in found[2]


def test_a_connection_is_kept_for_many_requests_also_after_a_bad_one(served):
    place = urllib.parse.urlsplit(served.url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=10)
    connection.connect()
    socket = connection.sock
    for body, status in (("1,2,3", 200), ("x", 400), ("1,2,3", 200)):
        connection.request("POST", "/invocations", body, {"Content-Type": "text/csv"})
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, connection.sock) == (status, socket)
    connection.close()


def test_many_clients_at_once_get_their_own_scores(served, data):
    rows = [row[1:] for row in data.rows(64, seed=10)]
    alone = [scores(served, [row])[0] for row in rows]
    with ThreadPoolExecutor(16) as clients:
        assert list(clients.map(lambda row: scores(served, [row])[0], rows)) == alone
