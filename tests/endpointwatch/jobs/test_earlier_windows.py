"""Windows that are held against earlier ones instead of the learnt baseline."""

from __future__ import annotations

import json

import pytest

from endpointwatch.config.data_quality import DataQuality
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.jobs.plan import MonitorPlan
from endpointwatch.monitors import data_quality
from endpointwatch.monitors.data_quality import Baseline
from endpointwatch.monitors.statistics import statistics
from endpointwatch.states.file import read

ROLLING = {"kind": "rolling", "windows": 3, "minimum_windows": 2}
KEPT = ("state.arrow", "verdict.json")


@pytest.fixture
def hours(job, learnt, traffic, with_settings, window):
    """Judge the hours before the window and then the window, each with the states of the hours before it."""

    def run(
        shifts: list[float],
        *,
        held: dict = ROLLING,
        baseline: bool = True,
        versions: dict[int, str] | None = None,
        rows: int = 300,
        **told,
    ) -> list:
        endpoint: Endpoint = with_settings(baseline=held, **told)
        states: dict[str, bytes] = {}
        done = []
        for place, shift in enumerate(shifts):
            number = place - len(shifts) + 1
            at = window.shifted(number)
            one = job()
            lines = (traffic.record(n, shift=shift).replace("T14:", f"T{at.start:%H}:") for n in range(rows))
            one.put(traffic.path, "\n".join(lines))
            if baseline:
                for path, content in learnt(endpoint).files().items():
                    one.put(f"baseline/{path}", content)
            for path, content in states.items():
                one.put(f"input/states/{path}", content)
            plan = MonitorPlan(
                endpoint=endpoint,
                window=at,
                monitors=("data_quality",),
                model_version=(versions or {}).get(number, "loans-v1"),
            )
            assert one.run(plan) == 0, one.message
            states |= {path: content for path, content in one.files().items() if path.endswith(KEPT)}
            one.at = at
            done.append(one)
        return done

    return run


def verdict(one):
    return one.document(f"data_quality/{one.at.path}/verdict.json")


def test_what_has_moved_for_hours_is_usual_and_what_moves_back_is_drift(hours):
    *_, third, last = map(verdict, hours([50.0, 50.0, 50.0, 0.0]))
    assert third["status"] == "OK"
    assert [v["feature_name"] for v in last["violations"]] == ["ratio"]


def test_the_verdict_says_which_windows_were_added_up(hours):
    *_, last = map(verdict, hours([0.0, 0.0, 0.0, 0.0]))
    assert last["reference"] == {
        "kind": "rolling",
        "held_against": "earlier_windows",
        "windows": ["2026/11/01/11", "2026/11/01/12", "2026/11/01/13"],
        "rows": 900,
        "left_out": [],
    }
    assert last["evidence"].endswith("Held against the sum of 3 of 3 earlier windows (900 rows).")


def test_distances_are_those_from_the_sum_of_the_states(hours):
    *before, last = hours([0.0, 1.0, 2.0, 3.0])
    states = [read(one.output / "data_quality" / one.at.path / "state.arrow") for one in before]
    total = sum(states[1:], start=states[0])
    settings = DataQuality()
    held = Baseline(data_quality.suggest(total, settings), statistics(total))
    now = read(last.output / "data_quality" / last.at.path / "state.arrow")
    expected = {d.feature_name: d.distance for d in data_quality.check(now, held, settings).distances}
    assert {d["feature_name"]: d["distance"] for d in verdict(last)["distances"]} == expected


def test_too_few_windows_fall_back_to_the_learnt_baseline(hours, learnt):
    first, second = map(verdict, hours([50.0, 50.0]))
    assert first["baseline_id"] == second["baseline_id"] == learnt().document("data_quality/baseline.json")["id"]
    assert [v["feature_name"] for v in first["violations"]] == ["ratio"]
    assert second["reference"]["held_against"] == "learnt_baseline"
    assert [one["reason"] for one in second["reference"]["left_out"]] == ["it has no verdict"] * 2
    assert "Only 1 of 3 earlier windows can be used, 2 are needed: held against the learnt" in second["evidence"]


def test_or_the_answer_is_no_baseline(hours):
    (only,) = map(verdict, hours([0.0], held={**ROLLING, "otherwise": "no_baseline"}))
    assert (only["status"], only["reference"]["held_against"], only["baseline_id"]) == ("NO_BASELINE", "nothing", None)
    assert only["remedy"].startswith("Wait until enough earlier windows are judged")
    assert only["evidence"].endswith("Only 0 of 3 earlier windows can be used, 2 are needed: held against nothing.")


def test_windows_of_another_model_version_are_left_out(hours):
    *_, last = map(verdict, hours([0.0, 0.0, 0.0, 0.0], versions={-3: "loans-v0"}))
    assert last["reference"]["windows"] == ["2026/11/01/12", "2026/11/01/13"]
    assert last["reference"]["left_out"] == [{"window": "2026/11/01/11", "reason": "model version loans-v0 served"}]


def test_the_baselines_id_follows_from_the_states_that_were_added_up(hours):
    ids = [verdict(hours(shifts)[-1])["baseline_id"] for shifts in ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0])]
    assert ids[0] == ids[1] != ids[2]


def test_constraints_stay_with_the_learnt_baseline(hours):
    # Half of the rows have been blue for hours; that this is usual now does not make it a known value.
    *_, last = hours([0.0, 0.0, 0.0], column_overrides={"colour": {"domains": ["red"]}})
    types = {v["constraint_check_type"] for v in verdict(last)["violations"]}
    assert types == {"categorical_values_check"}


def test_segments_are_held_against_the_same_windows(hours):
    told = {"segments": {"column": "colour", "minimum_rows": 50}}
    *_, third, last = map(verdict, hours([50.0, 50.0, 50.0, 0.0], **told))
    assert {one["value"]: one["status"] for one in third["segments"]["segments"]} == {"blue": "OK", "red": "OK"}
    assert {one["status"] for one in last["segments"]["segments"]} == {"VIOLATIONS"}


def test_the_same_states_give_the_same_bytes(hours):
    one, two = (hours([0.0, 0.0, 1.0])[-1].files() for _ in range(2))
    assert one == two


def test_a_state_that_cannot_be_read_fails_the_job_with_its_path(job, with_settings, traffic, window):
    broken = job()
    broken.put(traffic.path, "\n".join(traffic.lines(10)))
    place = f"input/states/data_quality/{window.shifted(-1).path}"
    broken.put(f"{place}/state.arrow", "no state")
    broken.put(f"{place}/verdict.json", json.dumps({}))
    plan = MonitorPlan(
        endpoint=with_settings(baseline=ROLLING), window=window, monitors=("data_quality",), model_version="loans-v1"
    )
    assert broken.run(plan) == 255
    assert "run the window again" in broken.message


def test_without_a_learnt_baseline_the_sum_says_what_is_asked_as_well(hours):
    first, *_, last = map(verdict, hours([0.0, 0.0, 50.0], baseline=False))
    assert first["status"] == "NO_BASELINE"
    assert last["reference"]["held_against"] == "earlier_windows"
    # Nothing names the columns of captured CSV: the ratio is the third.
    assert [v["feature_name"] for v in last["violations"]] == ["_c2"]
