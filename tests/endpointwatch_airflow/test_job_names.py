"""A retry asks for the same name, everything else for another one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_fakes import context
from endpointwatch_airflow.job_names import job_name, task_life

TASK = SimpleNamespace(task_id="run_monitors", retries=2)
NAMES = st.text(min_size=1, max_size=80)


@given(endpoint=NAMES, work=st.sampled_from(["monitor", "baseline", "dataset", "train", "evaluate"]), subject=NAMES,
       identity=st.tuples(NAMES, NAMES), attempt=st.integers(1, 999))  # fmt: skip
def test_every_name_is_one_that_sagemaker_takes(endpoint, work, subject, identity, attempt):
    name = job_name(endpoint, work, subject, identity, attempt=attempt)
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name)


@given(first=st.tuples(NAMES, NAMES, NAMES), second=st.tuples(NAMES, NAMES, NAMES))
def test_what_differs_in_anything_has_another_name(first, second):
    names = {job_name(endpoint, "monitor", subject, (identity,)) for endpoint, subject, identity in (first, second)}
    assert len(names) == len({first, second})


def test_a_name_is_readable_and_counts_its_attempts():
    name = job_name("loan-approval", "monitor", "202603011400", ("x",))
    assert re.fullmatch(r"loan-approval-monitor-202603011400-[0-9a-f]{12}", name)
    assert job_name("loan-approval", "monitor", "202603011400", ("x",), attempt=2) == f"{name}-2"


@pytest.mark.parametrize("try_number", [1, 2, 3])
def test_a_retry_is_the_same_life(try_number):
    assert task_life(context(TASK, try_number=try_number)) == task_life(context(TASK))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"max_tries": 3, "try_number": 2}, id="cleared after its first try"),
        pytest.param({"max_tries": 5, "try_number": 4}, id="cleared after its third try"),
        pytest.param({"run_id": "manual__x"}, id="another run"),
        pytest.param({"start_date": datetime(2026, 3, 2, tzinfo=UTC)}, id="run deleted and made anew"),
        pytest.param({"map_index": 3}, id="another mapped task"),
    ],
)
def test_what_was_asked_for_anew_is_another_life(changes):
    assert task_life(context(TASK, **changes)) != task_life(context(TASK))
