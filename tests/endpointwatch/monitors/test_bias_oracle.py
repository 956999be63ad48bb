"""The library behind Clarify is the judge: all 21 metrics on two hundred data sets, its answers frozen."""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from endpointwatch.config.bias import Bias
from endpointwatch.metrics.bias.catalogue import METRICS
from endpointwatch.monitors import bias
from endpointwatch.monitors.choices import choose, choose_outcomes

ORACLES = Path(__file__).parents[2] / "oracles"
sys.path.insert(0, str(ORACLES))
from bias_cases import CASES, case, digest  # noqa: E402

FROZEN = json.loads(gzip.decompress((ORACLES / "smclarify.json.gz").read_bytes()))["answers"]
STAGES = ("pre_training", "post_training")
STRICT = Bias(sensitive_features=("facet",), aws_compatible="Enabled")
# smclarify speaks of scikit-learn's troubles in scikit-learn's words.
SAME_KIND = {
    "FlipTest does not support missing or infinite values": "Input X contains NaN",
    "FlipTest needs at least one numeric column besides facet and label": "Found array with 0 feature(s)",
}
# Where smclarify trips over a missing value in the first row; ours has no such trouble.
TRAPS = ("metric_description", "'label' has not positive elements")


def answer(made: dict[str, Any], stage: str) -> dict[str, Any]:
    """Our metrics, laid out as the frozen ones."""
    rows = pl.DataFrame(made["columns"], strict=False)
    facets = (choose(rows["facet"], made["facet_values"] or (), strict=True),)
    try:
        label, predicted = choose(rows["label"], made["positive"], strict=True), None
        if stage == "post_training":
            label, predicted = choose_outcomes(rows["label"], rows["predicted"], made["positive"], strict=True)
        roles = bias.Roles(facets, label, predicted, made["group"])
        state = bias.compute(rows, roles)
        if stage == "post_training":
            state = bias.flip_tests(rows, roles, state)
        measured = bias.measure(state, roles, STRICT, (stage,))
    except ValueError as error:
        return {"failure": f"ValueError: {error}"}
    found: dict[str, Any] = {}
    for one in measured:
        value = one.value if one.value is not None else {"error": one.error}
        found.setdefault(one.facet_value, {})[one.metric.name] = value
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_every_metric_of_every_data_set_equals_smclarifys_or_fails_as_it_does(stage: str) -> None:
    seen: Counter[str] = Counter()
    for number, frozen in enumerate(FROZEN):
        made = case(number)
        assert digest(made) == frozen["digest"], "the generator has changed; run tests/oracles/freeze_smclarify.py"
        theirs, ours = frozen[stage], answer(made, stage)
        if any(trap in theirs.get("failure", "") for trap in TRAPS):
            continue
        if "failure" in theirs:
            assert ours == theirs, number
            seen["failure"] += 1
            continue
        if list(theirs) == [""]:
            # The threshold is the data's maximum: smclarify prints no interval, we print an empty one.
            theirs = dict.fromkeys(ours, theirs[""])
        for value, metrics in theirs.items():
            if value == "nan":
                continue  # smclarify makes a group of the missing values, in which every metric is an error
            assert list(ours[value]) == list(metrics), (number, value)
            for name, theirs_is in metrics.items():
                assert_equal(ours[value][name], theirs_is, (number, value, name))
                seen["error" if isinstance(theirs_is, dict) else name] += 1
    assert len(FROZEN) == CASES
    # So that a fixture without content cannot pass.
    assert all(seen[metric.name] >= 70 for metric in METRICS.values() if metric.stage == stage), seen
    assert seen["error"] > 300, seen


def assert_equal(ours: Any, theirs: Any, where: tuple[Any, ...]) -> None:
    if isinstance(theirs, dict):
        assert isinstance(ours, dict), (where, ours, theirs)
        text = SAME_KIND.get(ours["error"], ours["error"])
        assert theirs["error"].startswith(text), (where, ours, theirs)
    else:
        assert isinstance(ours, float), (where, ours, theirs)
        assert ours == pytest.approx(float(theirs), rel=1e-9, abs=1e-9), where
