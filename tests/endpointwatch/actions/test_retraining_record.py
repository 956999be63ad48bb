from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpointwatch.actions.comparison import Comparison
from endpointwatch.actions.retraining_record import Happened, ended

TASKS = ("admit", "build_dataset", "train", "evaluate", "compare", "register", "approve", "deploy", "keep_champion")
STATES = st.sampled_from(["success", "failed", "skipped", "upstream_failed", None])


def compared(promoted):
    return Comparison(
        metric="auc", rows=9, challenger=0.8, champion=0.7, minimum_gain=0, promoted=promoted, reason="r."
    )


def done(**states):
    return dict.fromkeys(TASKS, "success") | states


@pytest.mark.parametrize(
    ("happened", "outcome", "reason"),
    [
        (Happened(states=done(), comparison=compared(promoted=True)), "deployed", "r."),
        (Happened(states=done(deploy="skipped"), comparison=compared(promoted=False)), "champion_kept", "r."),
        (
            Happened(states=done(deploy="skipped"), comparison=compared(promoted=True),
                     answer={"approved": False, "by": "ada", "comment": "no", "expired": False}),
            "rejected", "Rejected by ada: no.",
        ),
        (
            Happened(states=done(deploy="skipped"), comparison=compared(promoted=True),
                     answer={"approved": False, "by": "nobody", "comment": "", "expired": True}),
            "expired", "Rejected by nobody.",
        ),
        (Happened(states=dict.fromkeys(TASKS, "skipped"), stood_down="'new' serves"), "stood_down", "'new' serves"),
        (
            Happened(states=done(train="failed", deploy="upstream_failed"), failures={"train": "job: x"}),
            "failed", "train: job: x. What served before",
        ),
        (Happened(states=done(deploy="failed"), comparison=compared(promoted=True)), "failed", "deploy failed"),
        (Happened(states={"admit": "success", "train": None}), "unfinished", "train not run"),
    ],
)  # fmt: skip
def test_a_run_is_recorded_by_how_it_ended(happened, outcome, reason):
    told = ended(happened)
    assert told[0] == outcome
    assert told[1].startswith(reason) or reason in told[1]


@given(st.fixed_dictionaries(dict.fromkeys(TASKS, STATES)), st.none() | st.booleans())
def test_a_run_with_a_failed_task_never_passes_for_a_deployment(states, promoted):
    happened = Happened(states=states, comparison=None if promoted is None else compared(promoted))
    outcome, reason, failed = ended(happened)
    assert (outcome == "failed") is ("failed" in states.values())
    assert set(failed) == {task for task, state in states.items() if state == "failed"}
    assert outcome != "deployed" or states["deploy"] == "success"
    assert reason
