"""All 21 bias metrics of three facets with EndpointWatch: ``ours.py rows.csv``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import polars as pl

from endpointwatch.config.bias import Bias
from endpointwatch.monitors import bias
from endpointwatch.monitors.choices import choose, choose_outcomes
from harness.inside import Work, tell

FACETS: dict[str, list[float]] = {"gender": [0], "region": [1, 2], "age": [40.0]}


def main() -> None:
    rows = pl.read_csv(sys.argv[1])
    settings = Bias(sensitive_features=tuple(FACETS), aws_compatible="Enabled")
    with Work() as counted:
        label, predicted = choose_outcomes(rows["label"], rows["predicted"], [1], strict=True)
        facets = tuple(choose(rows[name], values, strict=True) for name, values in FACETS.items())
        roles = bias.Roles(facets, label, predicted, "occupation")
        state = bias.compute(rows, roles)
        measured = bias.measure(state, roles, settings, ("pre_training", "post_training"))
    with Work() as flipped:
        flips = bias.flip_tests(rows, roles, state).flips
    values = {f"{one.facet} {one.metric.name}": one.value for one in measured if one.metric.name != "FT"}
    values |= {f"{facet} FT": value for (facet, _), value in flips.items()}
    tell(counted, flip_seconds=flipped.seconds, flip_cpu=flipped.cpu, values=values)


if __name__ == "__main__":
    main()
