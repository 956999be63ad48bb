from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from endpointwatch.config.data_quality import DataQuality
from endpointwatch.monitors import data_quality
from endpointwatch.monitors.constraints import Constraints
from endpointwatch.monitors.data_quality import Baseline, check, compute, suggest
from endpointwatch.monitors.findings import Distance
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


@pytest.mark.parametrize(("settings", "share"), [(SETTINGS, "75.0%"), (AWS, "90.0%")])
def test_blanks_are_known_values_for_aws_and_no_values_by_default(settings, share):
    """Source: awslabs/deequ, ``Check.isContainedIn``: a row complies where the column is null or in the list."""
    findings = check(state(a=["x", "x", "x", "z", *[None] * 6]), baseline(settings, a=["x", "y"] * 500), settings)
    (text,) = [v.description for v in findings.violations if v.constraint_check_type == "categorical_values_check"]
    assert f"Observed: {share} of the values match the known values." in text


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
def test_another_number_of_columns_is_the_only_thing_aws_says(current, kind):
    now = state(**{name: ["x"] for name in "abc"[:current]})
    findings = check(now, baseline(a=WHOLE, b=WHOLE), AWS)
    assert [violation.constraint_check_type for violation in findings.violations] == [kind]
    assert findings.schema_changed


def test_columns_that_are_there_are_checked_beside_those_that_are_not():
    then = baseline(a=WHOLE, b=WHOLE)
    extra = check(state(a=["5000"] * 1000, b=WHOLE, c=["x"] * 1000), then, SETTINGS)
    assert found(extra) == [("Extra columns", "extra_column_check"), ("a", "baseline_drift_check")]
    missing = check(state(b=["5000"] * 1000), then, SETTINGS)
    assert found(missing) == [("Missing columns", "missing_column_check"), ("b", "baseline_drift_check")]
    assert extra.schema_changed
    assert missing.schema_changed
    nameless = state(a=WHOLE, b=WHOLE, c=WHOLE).renamed(("_c0", "_c1", "_c2"))
    assert found(check(nameless, then, SETTINGS)) == [("Extra columns", "extra_column_check")]


def test_a_renamed_column_is_a_missing_one():
    findings = check(state(a=["1"], z=["1"]), baseline(a=["1"], b=["1"]), SETTINGS)
    assert found(findings) == [("b", "missing_column_check")]


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


@pytest.mark.parametrize(("told", "threshold"), [({}, 0.3), ({"categorical_comparison_threshold": 0.2}, 0.2)])
def test_one_threshold_holds_for_numbers_and_categories_where_a_file_has_but_one(told, threshold):
    """Source: the documentation of constraints.json; files before 2024 have no categorical_comparison_threshold."""

    def older(document):
        drift = {"perform_comparison": "Enabled", "comparison_threshold": 0.3, "comparison_method": "Robust"}
        document["monitoring_config"]["distribution_constraints"] = drift | told

    then = baseline(edit=older, a=WHOLE, b=["x", "y"] * 500)
    distances = check(state(a=WHOLE, b=["x", "y"] * 500), then, SETTINGS).distances
    assert [distance.threshold for distance in distances] == [0.3, threshold]
    written = then.constraints.document()["monitoring_config"]["distribution_constraints"]
    assert ("categorical_comparison_threshold" in written) is bool(told)


def test_a_columns_own_threshold_is_that_of_its_categories_where_a_file_has_but_one():
    def older(document):
        del document["monitoring_config"]["distribution_constraints"]["categorical_comparison_threshold"]
        document["features"][0]["monitoringConfigOverrides"] = {
            "distribution_constraints": {"comparison_threshold": 0.9}
        }

    then = baseline(edit=older, a=["x", "y"] * 500, b=["x", "y"] * 500)
    findings = check(state(a=["x"] * 1000, b=["x"] * 1000), then, SETTINGS)
    assert found(findings) == [("b", "baseline_drift_check")]


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


def test_a_text_that_is_called_as_blanks_are_is_counted_with_them():
    """Source: awslabs/deequ, ``Histogram.scala``: blanks are filled with the word ``NullValue`` before counting."""
    learnt = state(a=["NullValue", "x", "x", None, None])
    (feature,) = statistics(learnt)["features"]
    assert feature["string_statistics"]["distribution"]["categorical"]["buckets"] == [
        {"value": "x", "count": 2},
        {"value": "NullValue", "count": 3},
    ]
    assert suggest(learnt, SETTINGS).features[0].string_constraints.domains == ("x", "NullValue")


@pytest.mark.parametrize("settings", [SETTINGS, AWS])
@pytest.mark.parametrize(
    "cut", [None, {}, {"distribution": None}, {"distribution": {"kll": None, "categorical": None}}]
)
def test_a_baseline_whose_distributions_are_missing_or_null_compares_nothing(settings, cut):
    then = baseline(settings, a=WHOLE, b=["x", "y"] * 500)
    document = dict(then.statistics)
    kinds = ("numerical_statistics", "string_statistics")
    document["features"] = [{**feature, **dict.fromkeys(kinds, cut)} for feature in document["features"]]
    now = state(a=["5000"] * 1000, b=["x"] * 1000)
    findings = check(now, Baseline(then.constraints, document), settings)
    assert (findings.violations, findings.distances) == ((), ())


def test_a_column_of_many_words_has_neither_histogram_nor_domain():
    learnt = state(a=[f"word {number}" for number in range(500)])
    assert "distribution" not in statistics(learnt)["features"][0]["string_statistics"]
    assert suggest(learnt, SETTINGS).features[0].string_constraints is None


def test_a_constant_column_has_ten_equal_edges_and_its_rows_in_the_last_bucket():
    (feature,) = statistics(state(a=["7"] * 12))["features"]
    buckets = feature["numerical_statistics"]["distribution"]["kll"]["buckets"]
    assert [bucket["count"] for bucket in buckets] == [0.0] * 9 + [12.0]
    assert {(bucket["lower_bound"], bucket["upper_bound"]) for bucket in buckets} == {(7.0, 7.0)}


SPREAD = [str(number) for number in range(400)]
MOVED = [str(number + 60) for number in range(400)]


def test_a_distance_shows_both_ways_of_counting_the_one_that_decided_and_how_large_and_likely_it_is():
    (distance,) = check(state(a=MOVED), baseline(a=SPREAD), SETTINGS).distances
    assert distance.method == "linf_robust"
    assert distance.distance == distance.robust == pytest.approx(0.15 - 1.8 * (2 / 400) ** 0.5)
    assert distance.simple == pytest.approx(0.15)
    assert distance.aws == distance.robust  # no value is repeated
    assert distance.p_value == pytest.approx(stats.ks_2samp(range(400), range(60, 460)).pvalue, rel=0.2)
    spread = statistics(state(a=SPREAD))["features"][0]["numerical_statistics"]["std_dev"]
    assert (distance.effect_measure, distance.effect_size) == ("glass_delta", pytest.approx(60 / spread))
    simple = DataQuality(distribution_constraints={"comparison_method": "Simple"})
    (distance,) = check(state(a=MOVED), baseline(simple, a=SPREAD), simple).distances
    assert distance.distance == distance.simple == pytest.approx(0.15)


def test_a_distance_shows_what_aws_would_have_seen():
    then, now = baseline(a=["0", "1"] * 500, b=HALVES), state(a=["1"] * 1000, b=WHOLE)
    ours, theirs = check(now, then, SETTINGS), check(now, then, AWS)
    aws = {distance.feature_name: distance.aws for distance in ours.distances}
    assert aws == {"a": theirs.distances[0].distance, "b": None}
    assert theirs.distances[0].simple == ours.distances[0].simple == pytest.approx(0.5)


@pytest.mark.parametrize("settings", [SETTINGS, AWS, DataQuality(benjamini_hochberg="Enabled")])
@pytest.mark.parametrize("method", ["Robust", "Simple"])
@pytest.mark.parametrize("categorical", ["LInfinity", "ChiSquared"])
@pytest.mark.parametrize("limit", [0.0, 0.05, 0.2, 0.6, 1.0])
def test_only_what_drifted_is_what_drifted_of_all(settings, method, categorical, limit):
    drift = {
        "comparison_threshold": limit,
        "comparison_method": method,
        "categorical_comparison_threshold": limit,
        "categorical_drift_method": categorical,
    }
    learnt = baseline(
        edit=lambda document: document["monitoring_config"].update(distribution_constraints=drift),
        same=WHOLE,
        near=HALVES,
        far=WHOLE,
        flag=["0", "1"] * 500,
        word=["a", "b"] * 500,
    )
    near = [f"{number + 70}.5" for number in range(1000)]
    far = [str(number + 400) for number in range(1000)]
    now = state(same=WHOLE, near=near, far=far, flag=["1"] * 1000, word=[*["a"] * 600, *["b"] * 400])
    every, drifted = check(now, learnt, settings), check(now, learnt, settings, drifted_only=True)
    assert drifted.violations == every.violations
    assert [d for d in drifted.distances if d.exceeded] == [d for d in every.distances if d.exceeded]
    assert settings.benjamini_hochberg == "Enabled" or all(distance.exceeded for distance in drifted.distances)


def test_blanks_are_a_category_for_aws_and_none_by_default():
    then, now = baseline(a=["x", "y"] * 500), state(a=["x", "y", None, None] * 250)
    (ours,), (theirs,) = (check(now, then, settings).distances for settings in (SETTINGS, AWS))
    assert (ours.distance, ours.p_value, ours.effect_size) == (0.0, 1.0, 0.0)
    assert theirs.simple == pytest.approx(0.5)
    assert ours.aws == theirs.aws == theirs.distance
    assert theirs.effect_measure == "cramers_v"
    assert theirs.effect_size == pytest.approx(
        stats.contingency.association([[500, 500, 0], [250, 250, 500]], method="cramer")
    )


def test_a_distance_of_an_earlier_version_is_still_read():
    text = '{"feature_name":"a","method":"linf_robust","distance":0.2,"threshold":0.1,"exceeded":true}'
    assert Distance.model_validate_json(text).p_value is None


def test_under_benjamini_hochberg_only_significant_drift_counts():
    loose = {"comparison_method": "Simple", "comparison_threshold": 0.05, "categorical_comparison_threshold": 0.05}
    plain = DataQuality(distribution_constraints=loose)
    corrected = DataQuality(distribution_constraints=loose, benjamini_hochberg="Enabled")
    # Twelve samples from the baseline's own distribution, and one that has really moved.
    rng = np.random.default_rng(20)
    columns = {f"n{i}": [f"{value:.6f}" for value in rng.normal(size=1000)] for i in range(12)}
    columns["moved"] = [f"{value:.6f}" for value in rng.normal(size=1000)]
    now = {name: [f"{value:.6f}" for value in rng.normal(size=200)] for name in columns}
    now["moved"] = [f"{value:.6f}" for value in rng.normal(1.0, 1, size=200)]
    then, seen = baseline(plain, **columns), state(**now)
    without, alarms = check(seen, then, corrected), check(seen, then, plain)
    assert len(alarms.violations) > 3
    assert found(without) == [("moved", "baseline_drift_check")]
    chances = [distance.p_value for distance in alarms.distances]
    expected = stats.false_discovery_control(chances, method="bh")
    assert [distance.adjusted_p_value for distance in without.distances] == pytest.approx(list(expected))
    assert all(distance.adjusted_p_value is None for distance in alarms.distances)


def test_under_benjamini_hochberg_significance_alone_is_no_drift():
    settings = DataQuality(benjamini_hochberg="Enabled")
    then = baseline(settings, a=[str(number) for number in range(20_000)])
    findings = check(state(a=[str(number + 1500) for number in range(20_000)]), then, settings)
    assert findings.distances[0].adjusted_p_value < 1e-9
    assert findings.violations == ()


def test_awss_way_of_counting_and_a_correction_that_it_does_not_make_exclude_each_other():
    with pytest.raises(ValueError, match="both Enabled"):
        DataQuality(aws_compatible="Enabled", benjamini_hochberg="Enabled")
