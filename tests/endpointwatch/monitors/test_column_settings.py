"""What an endpoint's file may say about single columns: applied when a window is checked."""

from __future__ import annotations

import polars as pl
import pytest

from endpointwatch.config.data_quality import DataQuality
from endpointwatch.errors import ConfigError
from endpointwatch.monitors.columns import require_known
from endpointwatch.monitors.constraints import Constraints
from endpointwatch.monitors.data_quality import Baseline, check, compute, suggest
from endpointwatch.monitors.statistics import statistics

WHOLE = [str(number) for number in range(1000)]
FAR = [str(number + 400) for number in range(1000)]


def state(**columns):
    frame = pl.DataFrame({name: pl.Series(name, values, pl.String) for name, values in columns.items()})
    (batch,) = frame.to_arrow().combine_chunks().to_batches()
    return compute(batch)


def settings(aws="Disabled", **told):
    return DataQuality.model_validate({"aws_compatible": aws, **told})


def baseline(edit=None, **columns):
    learnt = state(**columns)
    document = suggest(learnt, DataQuality()).document()
    if edit:
        edit(document)
    return Baseline(Constraints.model_validate(document), statistics(learnt))


def found(window, held_against, told):
    return [(v.feature_name, v.constraint_check_type) for v in check(window, held_against, told).violations]


def column(name, **own):
    return settings(column_overrides={name: own})


@pytest.mark.parametrize(
    ("then", "now", "own", "check_type"),
    [
        (WHOLE, FAR, {"distribution_constraints": {"comparison_threshold": 0.9}}, "baseline_drift_check"),
        (WHOLE, FAR, {"distribution_constraints": {"perform_comparison": "Disabled"}}, "baseline_drift_check"),
        (WHOLE, FAR, {"evaluate_constraints": "Disabled"}, "baseline_drift_check"),
        (WHOLE, [*WHOLE[:-1], "x"], {"datatype_check_threshold": 0.9}, "data_type_check"),
        (WHOLE, [*WHOLE[:-1], "x"], {"inferred_type": "Unknown"}, "data_type_check"),
        (WHOLE, [*WHOLE[:-1], "0.5"], {"inferred_type": "Fractional"}, "data_type_check"),
        (WHOLE, [*WHOLE[:-1], None], {"completeness": 0.9}, "completeness_check"),
        (["x", "y"] * 500, [*["x", "y"] * 499, "z", "y"], {"domains": ["x", "y", "z"]}, "categorical_values_check"),
        (["x", "y"] * 500, [*["x", "y"] * 499, "z", "y"], {"domains": []}, "categorical_values_check"),
        (
            ["x", "y"] * 500,
            [*["x", "y"] * 499, "z", "y"],
            {"domain_content_threshold": 0.9},
            "categorical_values_check",
        ),
    ],
)
def test_a_columns_own_settings_go_before_the_baselines_for_that_column_alone(then, now, own, check_type):
    window, held_against = state(a=now, b=now), baseline(a=then, b=then)
    assert found(window, held_against, settings()) == [("a", check_type), ("b", check_type)]
    assert found(window, held_against, column("a", **own)) == [("b", check_type)]


def test_settings_can_be_stricter_than_the_baseline():
    window = state(a=["1", None] * 500)
    assert found(window, baseline(a=["1", None] * 500), settings()) == []
    assert found(window, baseline(a=["1", None] * 500), column("a", completeness=0.9)) == [("a", "completeness_check")]
    numbers = column("a", domains=["0", "1"])
    assert found(state(a=["0", "1", "2"]), baseline(a=["0", "1", "2"]), numbers) == [("a", "categorical_values_check")]


def test_the_files_own_settings_hold_where_the_endpoints_file_is_silent():
    def edit(document):
        told = {"distribution_constraints": {"comparison_threshold": 0.9, "comparison_method": "Simple"}}
        document["features"][0]["monitoringConfigOverrides"] = told

    held_against = baseline(edit, a=WHOLE)
    own = column("a", distribution_constraints={"comparison_threshold": 0.2})
    (distance,) = check(state(a=FAR), held_against, own).distances
    assert (distance.method, distance.threshold) == ("linf_simple", 0.2)


def test_a_negative_number_is_a_violation_where_somebody_asked_for_none_and_only_there():
    window, held_against = state(a=["-3", "1"], b=["-3", "1"]), baseline(a=["0", "1"], b=["0", "1"])
    assert found(window, held_against, settings()) == []
    (violation,) = check(window, held_against, column("a", is_non_negative=True)).violations
    assert (violation.feature_name, violation.constraint_check_type) == ("a", "non_negative_check")
    assert violation.description == "Non-negative requirement is not met. Expected: no value below 0. Observed: -3.0."


def test_whole_numbers_asked_for_as_fractional_are_still_compared_when_fractions_come():
    told = column("a", inferred_type="Fractional")
    (distance,) = check(state(a=[f"{n}.5" for n in range(1000)]), baseline(a=WHOLE), told).distances
    assert distance.simple < 0.01


@pytest.mark.parametrize("told", [{"columns": ["a"]}, {"excluded_columns": ["b"]}])
@pytest.mark.parametrize("aws", ["Disabled", "Enabled"])
def test_columns_that_are_not_watched_are_neither_checked_nor_missed(told, aws):
    held_against = baseline(a=WHOLE, b=WHOLE)
    for window in (state(a=WHOLE, b=["x"] * 1000), state(a=WHOLE)):
        assert found(window, held_against, settings(aws, **told)) == []
    assert found(state(b=WHOLE), held_against, settings(aws, **told)) != []


def test_a_window_of_another_width_is_still_counted_against_all_columns():
    (violation,) = check(
        state(_c0=WHOLE, _c1=WHOLE, _c2=WHOLE), baseline(a=WHOLE, b=WHOLE), settings(columns=["a"])
    ).violations
    assert violation.description.endswith("current dataset: 3, Number of columns in baseline constraints: 2")


def test_a_column_that_does_not_exist_is_named_with_its_key_and_the_nearest_one():
    told = settings(column_overrides={"inocme": {}}, excluded_columns=["colour"], segments={"column": "regoin"})
    with pytest.raises(ConfigError) as refused:
        require_known(told, ("income", "region"), endpoint="loans", source="the baseline of v1")
    text = str(refused.value)
    assert "YAML file of endpoint 'loans'" in text
    assert "monitors.data_quality.column_overrides: there is no column 'inocme'. Did you mean 'income'?" in text
    assert "monitors.data_quality.segments.column: there is no column 'regoin'. Did you mean 'region'?" in text
    assert "monitors.data_quality.excluded_columns: there is no column 'colour'." in text
    assert "The columns of the baseline of v1 are income, region." in text
    require_known(settings(columns=["income"]), ("income",), endpoint="loans", source="the baseline")


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"columns": ["a"], "excluded_columns": ["a"]}, "keep one of the two"),
        ({"columns": ["a"], "column_overrides": {"b": {}}}, "columns and excluded_columns leave out"),
        ({"aws_compatible": "Enabled", "column_overrides": {"b": {"is_non_negative": True}}}, "AWS never checks"),
        ({"baseline": {"kind": "rolling", "windows": 3, "minimum_windows": 4}}, "can never be reached"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(told, says):
    with pytest.raises(ValueError, match=says):
        settings(**told)
