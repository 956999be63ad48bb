from __future__ import annotations

import json
import shutil

import pytest

from endpointwatch.__main__ import main as endpointwatch
from endpointwatch.commands.replay import main
from endpointwatch.config.data_quality import DataQuality
from endpointwatch.jobs import replay as jobs_replay
from endpointwatch.jobs.tables import read_baseline
from endpointwatch.monitors import data_quality
from endpointwatch.reports.replay import Replay
from endpointwatch.reports.verdict import Verdict


@pytest.fixture
def replayed(history, capsys):
    """The replay of the history under some arguments, against each window's own baseline unless told otherwise."""

    def run(*arguments: str, own: bool = True) -> Replay:
        against = ("--baselines", str(history.baselines)) if own else ()
        assert main(["--states", str(history.states), *against, "--json", *arguments]) == 0
        return Replay.model_validate_json(capsys.readouterr().out)

    return run


def test_with_nothing_changed_every_window_has_the_violations_that_its_verdict_has(history, replayed):
    windows = replayed().windows
    assert len(windows) == 48
    for one in windows:
        verdict = Verdict.model_validate_json((history.states / one.window.path / "verdict.json").read_bytes())
        assert (one.now, one.violations, one.rows) == (verdict.status, verdict.violations, 200)
        assert (one.statuses_then, one.model_version) == ((verdict.status,), verdict.model_version)
    assert {one.window.start.day * 24 + one.window.start.hour - 24 for one in windows if one.violated_now} == set(
        range(30, 40)
    )


def test_a_replay_finds_what_a_run_under_those_settings_would_have_found(history, replayed):
    changed = replayed("--threshold", "0.02", "--method", "Simple", "--categorical-threshold", "0.01")
    settings = DataQuality(
        distribution_constraints={
            "comparison_threshold": 0.02, "comparison_method": "Simple", "categorical_comparison_threshold": 0.01,
        }
    )  # fmt: skip
    for hour, one in enumerate(changed.windows):
        folder = history.baseline(one.model_version)
        learnt = read_baseline(folder / "constraints.json", folder / "statistics.json")
        config = learnt.constraints.monitoring_config.overridden(
            {"distribution_constraints": settings.distribution_constraints.model_dump()}
        )
        asked = learnt.constraints.model_copy(update={"monitoring_config": config})
        state = history.state(history.rows(hour * 200, 200, 0.3 if hour >= 30 else 0.0))
        expected = data_quality.check(state, data_quality.Baseline(asked, learnt.statistics), settings)
        assert one.violations == expected.violations
    assert sum(one.violated_now for one in changed.windows) > 10


def test_the_table_has_a_line_a_window_and_says_what_changed(history, capsys):
    arguments = ["replay", "--states", str(history.states), "--baselines", str(history.baselines)]
    assert endpointwatch([*arguments, "--last", "12", "--threshold", "0.9"]) == 0
    head, _, titles, *lines = capsys.readouterr().out.splitlines()
    assert head == "Replayed with comparison_threshold = 0.9"
    assert titles.split() == ["window", "rows", "then", "now", "drifted", "most"]
    assert lines[0].split() == ["2026-03-02T12:00:00Z/2026-03-02T13:00:00Z", "200", "VIOLATIONS", "1", "OK"]
    assert len(lines) == 12 + 2
    assert lines[-1] == "12 windows: 4 had violations, 0 would have (0 newly, 4 no longer)."


def test_only_what_differs_can_be_shown_and_the_summary_still_counts_all(history, capsys):
    arguments = ["--states", str(history.states), "--baselines", str(history.baselines), "--threshold", "0.9"]
    assert main([*arguments, "--changed"]) == 0
    text = capsys.readouterr().out
    assert text.count("VIOLATIONS 1") == 10
    assert "48 windows" in text


def test_one_baseline_can_stand_for_all_windows(history, replayed):
    v2 = history.baseline("v2")
    windows = replayed(
        "--constraints", str(v2 / "constraints.json"), "--statistics", str(v2 / "statistics.json"), own=False
    ).windows
    assert [one.violated_now for one in windows] == [True] * 30 + [False] * 18
    without_statistics = replayed("--constraints", str(v2 / "constraints.json"), own=False).windows
    assert not any(one.violated_now for one in without_statistics)


def test_a_day_is_the_sum_of_its_hours(history, replayed):
    days = replayed("--window", "day").windows
    assert [(str(day.window), day.rows, day.stored) for day in days] == [
        ("2026-03-01T00:00:00Z/2026-03-02T00:00:00Z", 4800, 24),
        ("2026-03-02T00:00:00Z/2026-03-03T00:00:00Z", 4800, 24),
    ]
    frames = [history.rows(hour * 200, 200, 0.3 if hour >= 30 else 0.0) for hour in range(24, 48)]
    whole = history.state(_stack(frames))
    folder = history.baseline("v2")
    learnt = read_baseline(folder / "constraints.json", folder / "statistics.json")
    expected = data_quality.check(whole, learnt, DataQuality())
    assert days[1].model_version == "v2"
    assert [v.feature_name for v in days[1].violations] == [v.feature_name for v in expected.violations]
    assert days[1].statuses_then.count("VIOLATIONS") == 10
    (week,) = [one for one in replayed("--window", "week").windows if one.window.start.day == 2]
    assert (week.window.length.days, week.rows) == (7, 4800)  # 2 March 2026 is a Monday


def _stack(frames):
    whole = frames[0]
    for frame in frames[1:]:
        whole = whole.vstack(frame)
    return whole


def test_a_window_that_overlaps_the_hours_counts_no_row_twice(history, replayed):
    hour = history.states / "2026/03/01/05"
    shutil.copytree(hour, hour.with_name("05-00-120m"))
    assert replayed("--window", "day").windows[0].rows == 4800


def test_windows_without_a_state_keep_their_answer_and_are_counted(history, replayed):
    (history.states / "2026/03/02/23/state.arrow").unlink()
    replay = replayed("--last", "2")
    assert [one.now for one in replay.windows] == ["OK", None]
    assert "1 without a state could not be replayed." in replay.summary()


def test_too_few_rows_and_no_baseline_are_answers_of_a_replay_too(history, replayed):
    assert {one.now for one in replayed("--minimum-rows", "201").windows} == {"TOO_FEW_ROWS"}
    shutil.rmtree(history.baseline("v2"))
    assert [one.now for one in replayed("--last", "8").windows] == ["NO_BASELINE"] * 8


def test_the_result_does_not_depend_on_the_number_of_processes(history, replayed, monkeypatch):
    monkeypatch.setattr(jobs_replay, "WORTH_A_PROCESS", 4)
    arguments = ("--threshold", "0.05", "--last", "20")
    assert replayed(*arguments, "--workers", "2").to_json() == replayed(*arguments, "--workers", "1").to_json()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param([], "either --constraints", id="no baseline"),
        pytest.param(["--baselines", "b", "--constraints", "c"], "either --constraints", id="two baselines"),
        pytest.param(["--baselines", "b", "--statistics", "s"], "belongs to --constraints", id="statistics"),
        pytest.param(["--baselines", "b", "--threshold", "7"], "comparison_threshold", id="out of range"),
        pytest.param(["--constraints", "nowhere.json"], "cannot be read", id="no such file"),
        pytest.param(
            ["--baselines", "b", "--aws-compatible", "--false-discovery-rate", "0.1"], "exclude each other", id="both"
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence_with_exit_code_2(history, capsys, arguments, words):
    assert main(["--states", str(history.states), *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error


def test_a_folder_without_windows_says_where_to_get_some(tmp_path, capsys):
    assert main(["--states", str(tmp_path), "--baselines", str(tmp_path)]) == 2
    assert "aws s3 sync" in capsys.readouterr().err


def test_a_broken_state_is_named(history, capsys):
    broken = history.states / "2026/03/01/00/state.arrow"
    broken.write_bytes(b"nothing")
    assert main(["--states", str(history.states), "--baselines", str(history.baselines)]) == 2
    assert str(broken) in capsys.readouterr().err


def test_states_merged_give_the_report_of_the_day(history, tmp_path, capsys):
    output = tmp_path / "day"
    assert endpointwatch(["merge-states", str(history.states / "2026/03/01"), "--output", str(output)]) == 0
    assert "24 states, 4800 rows, 3 columns" in capsys.readouterr().out
    statistics = json.loads((output / "statistics.json").read_bytes())
    whole = _stack([history.rows(hour * 200, 200) for hour in range(24)])
    assert statistics["dataset"]["item_count"] == 4800
    amount, mean = statistics["features"][0]["numerical_statistics"], whole["amount"].cast(float).mean()
    assert amount["mean"] == pytest.approx(mean)
    (tmp_path / "empty").mkdir()
    assert endpointwatch(["merge-states", str(tmp_path / "empty"), "--output", str(output)]) == 2
    assert "There is no state.arrow below" in capsys.readouterr().err
