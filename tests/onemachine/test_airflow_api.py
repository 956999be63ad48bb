"""The REST client, against a scripted server; tests/e2e drives the real one."""

from __future__ import annotations

import json

import httpx
import pytest

from onemachine.airflow_api import AirflowApi
from onemachine.errors import AirflowApiError, StackError


class Script:
    """Answers like Airflow: a token on login, then what the test says."""

    def __init__(self, answer):
        self.answer, self.tokens, self.asked = answer, 0, []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            self.tokens += 1
            return httpx.Response(201, json={"access_token": f"token-{self.tokens}"})
        self.asked.append(request)
        return self.answer(self, request)


@pytest.fixture
def api_of():
    def make(answer):
        script = Script(answer)
        api = AirflowApi("http://airflow.test", ("admin", "admin"))
        api._http = httpx.Client(base_url=api.url, transport=httpx.MockTransport(script))
        return api, script

    return make


def test_an_expired_token_is_renewed_once(api_of):
    def answer(script, request):
        fresh = request.headers["Authorization"] == "Bearer token-2"
        return httpx.Response(200, json={"dag_id": "d"}) if fresh else httpx.Response(401, json={"detail": "expired"})

    api, script = api_of(answer)
    assert api.dag("d") == {"dag_id": "d"}
    assert script.tokens == 2


def test_a_refusal_that_stays_is_an_error_and_no_endless_loop(api_of):
    api, script = api_of(lambda *_: httpx.Response(401, json={"detail": "no"}))
    with pytest.raises(AirflowApiError, match="401: no"):
        api.dag("d")
    assert len(script.asked) == 2


@pytest.mark.parametrize("total", [0, 1, 100, 101, 250])
def test_a_collection_is_read_to_its_last_page(api_of, total):
    def answer(_, request):
        at, limit = int(request.url.params["offset"]), int(request.url.params["limit"])
        rows = [{"dag_id": str(n)} for n in range(at, min(at + limit, total))]
        return httpx.Response(200, json={"dags": rows, "total_entries": total})

    api, _ = api_of(answer)
    assert [dag["dag_id"] for dag in api.dags()] == [str(n) for n in range(total)]


def test_a_persons_answer_goes_to_the_task_that_asks(api_of):
    def answer(_, request):
        if request.method == "GET":
            asked = {"subject": "May v2 be deployed?", "options": ["Approve", "Reject"], "response_received": False}
            return httpx.Response(200, json={"hitl_details": [asked], "total_entries": 1})
        return httpx.Response(200, json=json.loads(request.content))

    api, script = api_of(answer)
    (question,) = api.questions("d", "r")
    told = api.answer("d", "r", "approve", question["options"][0], fields={"comment": "looked at it"})
    assert told == {"chosen_options": ["Approve"], "params_input": {"comment": "looked at it"}}
    assert [(request.method, request.url.path) for request in script.asked] == [
        ("GET", "/api/v2/dags/d/dagRuns/r/hitlDetails"),
        ("PATCH", "/api/v2/dags/d/dagRuns/r/taskInstances/approve/-1/hitlDetails"),
    ]


def test_the_file_that_is_parsed_again_is_the_dags_own(api_of):
    api, script = api_of(lambda _, request: httpx.Response(200, json={"file_token": "t0ken"}))
    api.parse_again("d")
    assert [(request.method, request.url.path) for request in script.asked] == [
        ("GET", "/api/v2/dags/d"),
        ("PUT", "/api/v2/parseDagFile/t0ken"),
    ]


def test_a_run_that_does_not_end_in_time_is_an_error_with_its_tasks_states(api_of):
    def answer(_, request):
        if request.url.path.endswith("/taskInstances"):
            return httpx.Response(
                200, json={"task_instances": [{"task_id": "train", "state": "running"}], "total_entries": 1}
            )
        return httpx.Response(200, json={"state": "running"})

    api, _ = api_of(answer)
    with pytest.raises(StackError, match=r"Run r of d.*'train': 'running'"):
        api.wait("d", "r", seconds=0.1, every=0.05)


def test_a_dag_that_never_appears_is_an_error_with_the_import_errors(api_of):
    def answer(_, request):
        if request.url.path.endswith("/importErrors"):
            row = {"filename": "broken.py", "stack_trace": "Traceback\nNameError: x"}
            return httpx.Response(200, json={"import_errors": [row], "total_entries": 1})
        return httpx.Response(404, json={"detail": "not found"})

    api, _ = api_of(answer)
    with pytest.raises(StackError, match=r"broken\.py: NameError: x"):
        api.wait_for_dag("d", seconds=0.1)


def test_a_server_that_is_not_there_is_an_error_that_names_the_address():
    with (
        AirflowApi("http://127.0.0.1:9", ("admin", "admin")) as api,
        pytest.raises(AirflowApiError, match=r"GET http://127\.0\.0\.1:9/api/v2/dags/d: .*refused"),
    ):
        api.dag("d")
