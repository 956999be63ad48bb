from __future__ import annotations

import re
import string

from hypothesis import given
from hypothesis import strategies as st

from endpointwatch.actions import naming

SAGEMAKER_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
LETTERS = string.ascii_letters + string.digits
ENDPOINTS = st.sampled_from(LETTERS) | st.builds(
    "".join, st.tuples(st.sampled_from(LETTERS), st.text(f"{LETTERS}-", max_size=61), st.sampled_from(LETTERS))
)
CONTENT = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=5)


@given(endpoint=ENDPOINTS, version=st.integers(1, 10**6))
def test_a_model_name_is_always_one_that_sagemaker_takes_and_ends_with_its_version(endpoint, version):
    name = naming.model_name(endpoint, version)
    assert SAGEMAKER_NAME.fullmatch(name)
    assert name.endswith(f"-v{version}")


@given(first=ENDPOINTS, second=ENDPOINTS)
def test_two_endpoints_never_share_a_model_name(first, second):
    assert (naming.model_name(first, 1) == naming.model_name(second, 1)) == (first == second)


def test_a_short_name_stays_readable():
    assert naming.model_name("loan-approval", 2) == "loan-approval-v2"


@given(content=CONTENT)
def test_the_order_of_keys_does_not_change_a_content_name(content):
    turned = dict(reversed(content.items()))
    assert naming.content_name("x", content) == naming.content_name("x", turned)


@given(one=CONTENT, other=CONTENT)
def test_other_content_is_another_name(one, other):
    assert (naming.content_name("x", one) == naming.content_name("x", other)) == (one == other)


@given(run_id=st.text(min_size=1, max_size=250), life=st.text(max_size=9))
def test_a_run_key_is_a_plain_folder_name(run_id, life):
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]+", naming.run_key(run_id, (life,)))


def test_a_cleared_run_works_in_a_folder_of_its_own():
    run = "manual__2026-11-22T06:12:55+00:00"
    assert naming.run_key(run, ("0",)) == naming.run_key(run, ("0",))
    assert len({naming.run_key(run, (str(generation),)) for generation in range(3)}) == 3
    assert naming.run_key(run).startswith("manual-2026-11-22t06-12-55-00-00-")
