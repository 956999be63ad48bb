from __future__ import annotations

import pytest

from endpointwatch.monitors.attribution_advice import Quality, next_steps
from endpointwatch.monitors.findings import AttributionChange, Violation


def change(name: str, then: float, now: float, rank_then: int, rank: int) -> AttributionChange:
    return AttributionChange(
        label="label0", feature_name=name, baseline_value=then, value=now, baseline_share=then, share=now,
        change_percent=(now / then - 1) * 100, baseline_rank=rank_then, rank=rank,
    )  # fmt: skip


HOUSES = (
    change("Location", 0.24, 0.40, 3, 1),
    change("Bedrooms", 0.34, 0.25, 2, 3),
    change("Square Footage", 0.42, 0.35, 1, 2),
)


def found(kind: str, *features: str) -> Quality:
    return Quality("VIOLATIONS", tuple(
        Violation(feature_name=name, constraint_check_type=kind, description="x") for name in features
    ))  # fmt: skip


def kinds(quality: Quality | None, *changes: AttributionChange) -> list[str]:
    return [step.split(":")[0].split(" with")[0] for step in next_steps(changes or HOUSES, quality, drifted=True)]


def test_without_drift_there_is_nothing_to_do():
    assert next_steps(HOUSES, Quality("OK"), drifted=False) == ()


def test_drifted_inputs_are_investigated_then_the_model_is_retrained():
    steps = next_steps(HOUSES, found("baseline_drift_check", "Location", "prediction"), drifted=True)
    assert "found drift in Location. Ask" in steps[0]
    assert kinds(found("baseline_drift_check", "Location")) == ["Investigate the shift", "Retrain"]


def test_broken_data_is_mended_first_and_not_trained_on():
    steps = next_steps(HOUSES, found("completeness_check", "Location"), drifted=True)
    assert [step.split(":")[0] for step in steps] == ["Investigate the data first"]
    assert "retraining would teach the model the fault" in steps[0]


def test_sound_inputs_point_to_the_features_themselves():
    (step,) = next_steps(HOUSES, Quality("OK"), drifted=True)
    assert step.startswith("Revisit features: each input is distributed as in the baseline, yet Location, Bedrooms")


def test_drift_of_columns_that_are_no_features_explains_nothing():
    assert kinds(found("baseline_drift_check", "prediction")) == ["Revisit features"]


@pytest.mark.parametrize("quality", [None, Quality("NO_BASELINE")])
def test_without_data_qualitys_answer_that_is_said_first(quality):
    steps = next_steps(HOUSES, quality, drifted=True)
    assert steps[0].startswith("Investigate the shift: data quality")
    assert "List `data_quality` beside `attribution`" in steps[0]


def test_a_feature_that_came_to_dominate_is_named():
    heavy = change("Location", 0.2, 0.8, 3, 1)
    assert next_steps((heavy,), Quality("OK"), drifted=True)[-1].startswith("Revisit features: Location alone now")


def test_a_change_reads_as_people_write_it():
    first, *_, last = HOUSES
    assert str(first) == "Location +66.67 %, rank 3 to 1"
    assert str(last) == "Square Footage \N{MINUS SIGN}16.67 %, rank 1 to 2"
