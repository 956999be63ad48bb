from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpointwatch.actions import model_package
from endpointwatch.actions.approval import Answer, answer_of, body
from endpointwatch.actions.comparison import Bootstrap, Comparison, Latency, OnRows, Treatment

WON = Comparison(
    metric="auc", rows=400, challenger=0.81, champion=0.7, gain=0.11, minimum_gain=0.02, promoted=True,
    interval=Bootstrap(low=0.05, high=0.17, confidence=0.95, resamples=1000, seed=0),
    recent=OnRows(rows=400, challenger={"auc": 0.81, "f1": 0.6}, champion={"auc": 0.7, "f1": 0.5}),
    bias=(Treatment(metric="DPPL", facet="sex", group="f|m", rows=90, challenger=0.05, champion=0.2, limit=0.1),),
    latency_ms=Latency(challenger=0.4, champion=0.3), reason="auc 0.8100 against 0.7000",
)  # fmt: skip


def event(option, *, user=None, timedout=False, comment="-"):
    return {
        "chosen_options": [option], "params_input": {"comment": comment}, "responded_by_user": user,
        "timedout": timedout,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("told", "answer"),
    [
        (event("Approve", user={"id": "ada", "name": "ada"}), Answer(approved=True, by="ada")),
        (
            event("Reject", user={"id": "7", "name": "Ada"}, comment=" too early "),
            Answer(approved=False, by="Ada (7)", comment="too early"),
        ),
        (
            event("Reject", timedout=True),
            Answer(approved=False, by="nobody within 2 h, as `approval.on_expiry` says", expired=True),
        ),
    ],
)
def test_an_answer_says_who_what_and_why(told, answer):
    assert answer_of(told, expires_hours=2) == answer


@given(options=st.lists(st.sampled_from(["Approve", "Reject", "approve", ""]), max_size=3))
def test_only_the_one_option_approves(options):
    told = {**event("x", user={"id": "a", "name": "a"}), "chosen_options": options}
    assert answer_of(told, expires_hours=1).approved is (options == ["Approve"])


def test_the_page_shows_both_models_what_was_allowed_and_where_the_rest_is():
    text = body(WON, {"Registry": "https://console/x", "Comparison": "s3://b/comparison.json", "None": ""})
    assert "| auc, 400 recent rows | 0.7000 | 0.8100 |  |" in text
    assert "| DPPL, sex = f\\|m (90 rows) | 0.2000 | 0.0500 | 0.1 |" in text
    assert "between +0.0500 and +0.1700 at 95% confidence; above 0.02 was asked for" in text
    assert "* [Registry](https://console/x)\n* Comparison: `s3://b/comparison.json`" in text
    assert "None" not in text


@given(st.text(max_size=60))
def test_a_value_from_the_data_never_breaks_the_table_or_makes_a_link(value):
    treated = Treatment(metric="DPPL", facet="sex", group=value, rows=1, challenger=0.1, limit=0.2)
    lines = body(WON.model_copy(update={"bias": (treated,)}), {}).split("\n")
    (row,) = (line for line in lines if line.startswith("| DPPL"))
    assert row.replace("\\|", "").count("|") == 5
    assert "](" not in row.replace("\\]", "")


@pytest.mark.parametrize("comment", ["", "x" * 5000])
def test_the_registrys_description_fits_and_names_the_person(comment, refusals):
    request = model_package.answered(
        "arn:aws:sagemaker:us-east-1:123456789012:model-package/g/1", approved=False, by="ada", comment=comment,
        comparison=WON,
    )  # fmt: skip
    assert refusals("UpdateModelPackage", request) == ""
    assert request["ModelApprovalStatus"] == "Rejected"
    assert request["ApprovalDescription"].startswith("Rejected by ada")
    assert len(request["ApprovalDescription"]) <= 1024
