"""What ``constraints.json`` says about one column goes before what it says about all, wherever it stands."""

from __future__ import annotations

import pytest

from endpointwatch.monitors.constraints import FeatureConstraints, MonitoringConfig

#: Where overrides of a column may stand: the documentation's place, the SageMaker SDK's, and what hands make of them.
PLACES = (
    ("monitoringConfigOverrides",),
    ("monitoring_config_overrides",),
    ("string_constraints", "monitoring_config_overrides"),
    ("num_constraints", "monitoring_config_overrides"),
)


def told(*places_and_overrides):
    """The settings of a column with these overrides, over general ones."""
    feature = {"name": "a", "inferred_type": "String"}
    for place, overrides in places_and_overrides:
        block = feature
        for key in place[:-1]:
            block = block.setdefault(key, {})
        block[place[-1]] = overrides
    return FeatureConstraints.model_validate(feature).settings(MonitoringConfig())


@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_a_column_can_be_taken_out_of_the_checks_in_every_place_and_spelling(place):
    assert told((place, {"evaluate_constraints": "Disabled"})).evaluate_constraints == "Disabled"


@pytest.mark.parametrize("place", PLACES[1:], ids=".".join)
def test_two_places_add_up_key_by_key_and_the_documented_one_goes_before(place):
    limit, method = {"comparison_threshold": 0.2}, {"comparison_method": "linf_simple"}
    settings = told(
        (place, {"datatype_check_threshold": 0.5, "distribution_constraints": limit}),
        (PLACES[0], {"datatype_check_threshold": 0.9, "distribution_constraints": method}),
    )
    drift = settings.distribution_constraints
    assert settings.datatype_check_threshold == 0.9
    assert (drift.comparison_threshold, drift.comparison_method) == (0.2, "Simple")


def test_a_block_without_content_overrides_nothing():
    assert told((PLACES[0], {"distribution_constraints": None})) == MonitoringConfig()
