"""What a challenger must show, condition by condition: each tells, in a sentence, how it is broken."""

from __future__ import annotations

from collections.abc import Iterator

from endpointwatch.actions.comparison import Bootstrap, Latency, OnRows, Treatment
from endpointwatch.config.training import MetricChoice, Promotion
from endpointwatch.errors import DatasetError
from endpointwatch.metrics import paired


def not_better(gain: float | None, interval: Bootstrap | None, minimum_gain: float) -> Iterator[str]:
    if gain is not None and not gain > minimum_gain:
        yield f"The gain {gain:+.4f} is not above {minimum_gain:g}."
    elif interval is not None and not interval.low > minimum_gain:
        yield f"The gain may be as small as {interval.low:+.4f}, which is not above {minimum_gain:g}."


def worse_on_held_out(
    held_out: OnRows | None, metric: MetricChoice, promotion: Promotion, *, has_champion: bool
) -> Iterator[str]:
    limit = promotion.maximum_held_out_loss
    if limit is None or not has_champion:
        return
    mine = held_out.challenger.get(metric) if held_out else None
    theirs = held_out.champion.get(metric) if held_out else None
    if mine is None or theirs is None:
        raise DatasetError(
            f"promotion.maximum_held_out_loss is set, but there is no {metric} of both models on the original test "
            "rows: `training.initial_dataset_uri` needs rows of both classes below test/, and the image's `evaluate` "
            "must write scores.csv."
        )
    loss = -paired.gain(metric, challenger=mine, champion=theirs)
    if loss > limit:
        yield (
            f"On the original {held_out.rows if held_out else 0} test rows it is worse by {loss:.4f} ({mine:.4f} "
            f"against {theirs:.4f}), more than the {limit:g} allowed."
        )


def slow(latency: Latency, promotion: Promotion, *, has_champion: bool) -> Iterator[str]:
    longest, ratio = promotion.maximum_latency_ms, promotion.maximum_latency_ratio if has_champion else None
    if longest is None and ratio is None:
        return
    mine, theirs = latency.challenger, latency.champion
    if mine is None or (ratio is not None and not theirs):
        raise DatasetError(
            "promotion has a limit on latency, but the evaluating job measured none. The image's `evaluate` must write "
            "latency.json."
        )
    if longest is not None and mine > longest:
        yield f"It takes {mine:.3f} ms to score a row, more than the {longest:g} ms allowed."
    if ratio is not None and theirs and mine > ratio * theirs:
        yield f"It takes {mine:.3f} ms to score a row, the champion {theirs:.3f} ms: more than {ratio:g} times as long."


def unequal(treatments: tuple[Treatment, ...], promotion: Promotion) -> Iterator[str]:
    if missing := sorted(set(promotion.bias) - {one.metric for one in treatments}):
        raise DatasetError(
            f"promotion.bias limits {missing}, but nothing could be computed: the evaluated rows have no column of the "
            "bias monitor's sensitive features, or the image's `evaluate` writes no scores.csv."
        )
    for one in treatments:
        if one.broken:
            told = one.note if one.challenger is None else f"{one.challenger:.4f}"
            yield (
                f"{one.metric} of {one.facet} = {one.group} is {told}, farther from equal treatment than the "
                f"{one.limit:g} allowed."
            )
