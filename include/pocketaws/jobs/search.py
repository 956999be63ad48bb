"""Which hyperparameters a tuning job tries: points of a grid, or drawn at random from the ranges."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from typing import Any

from pocketaws.faults import invalid

Values = dict[str, str]


def points(config: dict[str, Any]) -> Iterator[Values]:
    """Values of the searched hyperparameters, one set a training job.

    ``Grid`` has an end, the others have none. ``Bayesian`` is drawn at random too: no model of the objective is fitted.

    Args:
        config: ``HyperParameterTuningJobConfig``.
    """
    ranges = config.get("ParameterRanges", {})
    if config["Strategy"] == "Grid":
        names = [one["Name"] for one in ranges["CategoricalParameterRanges"]]
        for values in itertools.product(*(one["Values"] for one in ranges["CategoricalParameterRanges"])):
            yield dict(zip(names, values, strict=True))
        return
    chance = random.Random(config.get("RandomSeed", 0))  # noqa: S311 - a search, not a secret
    while True:
        yield {
            **{one["Name"]: str(_whole(one, chance)) for one in ranges.get("IntegerParameterRanges", [])},
            **{one["Name"]: repr(_number(one, chance)) for one in ranges.get("ContinuousParameterRanges", [])},
            **{one["Name"]: chance.choice(one["Values"]) for one in ranges.get("CategoricalParameterRanges", [])},
        }


def size(config: dict[str, Any]) -> int:
    """How many training jobs there are to be.

    Raises:
        Fault: The configuration asks for what SageMaker refuses.
    """
    ranges, limits = config.get("ParameterRanges", {}), config["ResourceLimits"]
    every = [one for kind in ranges.values() for one in kind if isinstance(one, dict)]
    if not every:
        raise invalid("ParameterRanges names no hyperparameter to search")
    for one in every:
        if "MinValue" in one:
            _check(one)
    if config["Strategy"] != "Grid":
        if "MaxNumberOfTrainingJobs" not in limits:
            raise invalid("ResourceLimits.MaxNumberOfTrainingJobs is required unless the strategy is Grid")
        return int(limits["MaxNumberOfTrainingJobs"])
    if any("MinValue" in one for one in every):
        raise invalid("The Grid strategy takes categorical parameters only")
    found = math.prod(len(one["Values"]) for one in every)
    if limits.get("MaxNumberOfTrainingJobs", found) != found:
        raise invalid(f"A grid of {found} points has as many training jobs; leave MaxNumberOfTrainingJobs out")
    return found


def _check(one: dict[str, Any]) -> None:
    try:
        low, high = float(one["MinValue"]), float(one["MaxValue"])
    except ValueError as error:
        raise invalid(f"The range of {one['Name']} is not of numbers: {error}") from error
    scaling = one.get("ScalingType", "Auto")
    if low > high:
        raise invalid(f"The range of {one['Name']} begins at {low:g}, above its end {high:g}")
    if scaling == "Logarithmic" and low <= 0:
        raise invalid(f"The range of {one['Name']} is Logarithmic, but does not lie above 0")
    if scaling == "ReverseLogarithmic" and not 0 <= low <= high < 1:
        raise invalid(f"The range of {one['Name']} is ReverseLogarithmic, but does not lie within [0, 1)")


def _whole(one: dict[str, Any], chance: random.Random) -> int:
    low, high = int(one["MinValue"]), int(one["MaxValue"])
    if one.get("ScalingType", "Auto") == "Auto":
        return chance.randint(low, high)
    return min(high, max(low, round(_number(one, chance))))


def _number(one: dict[str, Any], chance: random.Random) -> float:
    """A value of the range; ``Auto`` is taken for ``Linear``, which of the two SageMaker would choose is not known."""
    low, high = float(one["MinValue"]), float(one["MaxValue"])
    match one.get("ScalingType", "Auto"):
        case "Logarithmic":
            drawn = math.exp(chance.uniform(math.log(low), math.log(high)))
        case "ReverseLogarithmic":
            drawn = 1 - math.exp(chance.uniform(math.log1p(-high), math.log1p(-low)))
        case _:
            drawn = chance.uniform(low, high)
    return min(high, max(low, drawn))
