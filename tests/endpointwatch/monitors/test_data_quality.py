from __future__ import annotations

import polars as pl
import pytest

from endpointwatch.config.endpoint import DataQuality
from endpointwatch.monitors import data_quality
from endpointwatch.monitors.constraints import Constraints
from endpointwatch.monitors.data_quality import Baseline, check, compute, suggest
from endpointwatch.monitors.statistics import statistics

SETTINGS = DataQuality()
AWS = DataQuality(aws_compatible="Enabled")


def state(**columns):
    frame = pl.DataFrame({name: pl.Series(name, values, pl.String) for name, values in columns.items()})
    (batch,) = frame.to_arrow().combine_chunks().to_batches()
    return compute(batch)


def baseline(settings=SETTINGS, *, edit=None, **columns):
    learnt = state(**columns)
    document = suggest(learnt, settings).document()
    if edit:
        edit(document)
    return Baseline(Constraints.model_validate(document), statistics(learnt))


def found(findings):
    return [(v.feature_name, v.constraint_check_type) for v in findings.violations]


WHOLE = [str(number) for number in range(1000)]
HALVES = [f"{number}.5" for number in range(1000)]


@pytest.mark.parametrize("settings", [SETTINGS, AWS])
def test_data_keeps_the_constraints_learnt_from_it(settings):
    columns = {"a": WHOLE, "b": HALVES, "c": ["x", "y"] * 500, "d": [None] * 1000, "e": [None, "1"] * 500}
    findings = check(state(**columns), baseline(settings, **columns), settings)
    assert findings.violations == ()
    assert all(distance.distance == 0.0 for distance in findings.distances)


def test_one_value_of_another_type_breaks_the_type_and_silences_the_drift_of_its_column():
    findings = check(state(a=[*["5000"] * 999, "x"]), baseline(a=WHOLE), SETTINGS)
    assert found(findings) == [("a", "data_type_check")]
    assert "Observed: Only 99.9% of data is Integral." in findings.violations[0].description
    assert findings.distances == ()


def test_missing_values_break_completeness_and_nothing_else():
    findings = check(state(a=[*WHOLE[:-1], None]), baseline(a=WHOLE), SETTINGS)
    assert found(findings) == [("a", "completeness_check")]
    assert findings.violations[0].description == (
        "Data completeness requirement is not met. Expected: 100.0%. Observed: Only 99.9%."
    )


def test_an_unknown_word_breaks_the_known_values():
    findings = check(state(a=["x"] * 999 + ["z"]), baseline(a=["x", "y"] * 500), AWS)
    assert ("a", "categorical_values_check") in found(findings)
    text = "Categorical value match requirement is not met. Expected match: 100.0%. Observed: 99.9% of the values match"
    assert any(text in violation.description for violation in findings.violations)


def test_ever_new_words_break_the_known_values_also_when_there_are_too_many_to_count():
    strangers = state(a=[f"word {number}" for number in range(20_000)])
    assert strangers.columns[0].histogram.counts is None
    assert ("a", "categorical_values_check") in found(check(strangers, baseline(a=["x", "y"] * 500), SETTINGS))


def test_a_flag_that_turns_over_is_drift_by_default_and_unseen_by_aws():
    then, now = baseline(a=["0", "1"] * 500), state(a=["1"] * 1000)
    assert found(check(now, then, SETTINGS)) == [("a", "baseline_drift_check")]
    assert found(check(now, then, AWS)) == []


def test_whole_numbers_are_fractional_by_default_and_not_for_aws():
    then, now = baseline(a=HALVES), state(a=WHOLE)
    assert found(check(now, then, SETTINGS)) == []
    assert [distance.feature_name for distance in check(now, then, SETTINGS).distances] == ["a"]
    strict = check(now, then, AWS)
    assert "Only 0.0% of data is Fractional." in strict.violations[0].description
    assert strict.distances == ()


@pytest.mark.parametrize(("current", "kind"), [(3, "extra_column_check"), (1, "missing_column_check")])
def test_another_number_of_columns_is_the_only_thing_said(current, kind):
    now = state(**{name: ["x"] for name in "abc"[:current]})
    findings = check(now, baseline(a=WHOLE, b=WHOLE), SETTINGS)
    assert [violation.constraint_check_type for violation in findings.violations] == [kind]
    assert findings.schema_changed


def test_a_renamed_column_is_a_missing_one():
    findings = check(state(a=["1"], z=["1"]), baseline(a=["1"], b=["1"]), SETTINGS)
    assert found(findings) == [("b", "missing_column_check")]


@pytest.mark.parametrize("spelling", ["docs", "sdk"])
def test_a_column_can_be_taken_out_of_the_checks_in_both_spellings(spelling):
    def switch_off(document):
        feature = document["features"][0]
        if spelling == "docs":
            feature["monitoringConfigOverrides"] = {"evaluate_constraints": "Disabled"}
        else:
            feature["string_constraints"]["monitoring_config_overrides"] = {"evaluate_constraints": "Disabled"}

    now = state(a=["z"] * 100, b=["z"] * 100)
    then = baseline(edit=switch_off, a=["x", "y"] * 50, b=["x", "y"] * 50)
    assert {name for name, _ in found(check(now, then, SETTINGS))} == {"b"}


def test_a_columns_own_threshold_goes_before_the_general_one():
    def relax(document):
        document["features"][0]["monitoringConfigOverrides"] = {
            "distribution_constraints": {"comparison_threshold": 0.9}
        }

    shifted = [str(number + 500) for number in range(1000)]
    findings = check(state(a=shifted, b=shifted), baseline(edit=relax, a=WHOLE, b=WHOLE), SETTINGS)
    assert found(findings) == [("b", "baseline_drift_check")]
    assert {d.feature_name: (d.threshold, d.exceeded) for d in findings.distances} == {
        "a": (0.9, False),
        "b": (0.1, True),
    }


def test_simple_comparison_does_not_forgive_small_samples():
    simple = DataQuality(distribution_constraints={"comparison_method": "Simple"})
    now = {"a": [str(number + 20) for number in range(100)]}
    assert found(check(state(**now), baseline(a=WHOLE[:100]), SETTINGS)) == []
    (distance,) = check(state(**now), baseline(simple, a=WHOLE[:100]), simple).distances
    assert (distance.method, distance.exceeded) == ("linf_simple", True)
    assert distance.distance == pytest.approx(0.2)


def test_the_older_spelling_of_the_comparison_method_is_understood():
    def older(document):
        document["monitoring_config"]["distribution_constraints"]["comparison_method"] = "linf_simple"

    (distance,) = check(state(a=WHOLE), baseline(edit=older, a=WHOLE), SETTINGS).distances
    assert distance.method == "linf_simple"


def test_chi_squared_compares_words_by_their_p_value():
    chi = DataQuality(distribution_constraints={"categorical_drift_method": "ChiSquared"})
    then = baseline(chi, a=["x", "y"] * 500)
    assert found(check(state(a=["x", "y"] * 200), then, chi)) == []
    findings = check(state(a=["x", "x", "y"] * 200), then, chi)
    assert found(findings) == [("a", "baseline_drift_check")]
    assert findings.distances[0].method == "chi_squared_p_value"


def test_without_statistics_of_the_baseline_nothing_is_compared():
    learnt = suggest(state(a=WHOLE), SETTINGS)
    findings = check(state(a=["5000"] * 1000), Baseline(learnt), SETTINGS)
    assert (findings.violations, findings.distances) == ((), ())


def test_switched_off_constraints_are_not_evaluated():
    off = DataQuality(evaluate_constraints="Disabled")
    assert check(state(a=["x"]), baseline(off, a=WHOLE, b=WHOLE), off) == data_quality.Findings()


def test_keys_of_other_container_generations_survive_a_round_trip():
    document = suggest(state(a=WHOLE), SETTINGS).document()
    document["monitoring_config"]["enable_comparisons"] = "Enabled"
    document["features"][0]["note"] = "kept"
    assert Constraints.model_validate(document).document() == document


def test_blanks_stand_in_the_report_as_a_value_of_their_own():
    learnt = state(a=["x", "x", None])
    (feature,) = statistics(learnt)["features"]
    strings = feature["string_statistics"]
    assert strings["distinct_count"] == 1.0
    assert strings["distribution"]["categorical"]["buckets"] == [
        {"value": "x", "count": 2},
        {"value": "NullValue", "count": 1},
    ]
    assert suggest(learnt, SETTINGS).features[0].string_constraints.domains == ("x", "NullValue")


def test_a_column_of_many_words_has_neither_histogram_nor_domain():
    learnt = state(a=[f"word {number}" for number in range(500)])
    assert "distribution" not in statistics(learnt)["features"][0]["string_statistics"]
    assert suggest(learnt, SETTINGS).features[0].string_constraints is None


def test_a_constant_column_has_ten_equal_edges_and_its_rows_in_the_last_bucket():
    (feature,) = statistics(state(a=["7"] * 12))["features"]
    buckets = feature["numerical_statistics"]["distribution"]["kll"]["buckets"]
    assert [bucket["count"] for bucket in buckets] == [0.0] * 9 + [12.0]
    assert {(bucket["lower_bound"], bucket["upper_bound"]) for bucket in buckets} == {(7.0, 7.0)}
