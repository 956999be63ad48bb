"""All 21 metrics: Clarify's names and descriptions, what each needs, and what its value says about whom.

Names and descriptions are those in Clarify's ``analysis.json``, spelling included.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from endpointwatch.metrics.bias import post_training as post
from endpointwatch.metrics.bias import pre_training as pre
from endpointwatch.metrics.bias.slices import Slice

Stage = Literal["pre_training", "post_training"]
FLIP_TEST = "FT"
DISPARATE_IMPACT = "DI"


@dataclass(frozen=True, slots=True)
class BiasMetric:
    """One metric.

    Attributes:
        name: Its short name.
        title: Its name in words.
        stage: Whether it looks at the data before training or at a model's answers.
        needs_labels: Without labels it has no value.
        of: Its value of a slice; None for the flip test, which needs the rows.
        above: What a value above the neutral one says; ``{group}`` stands for the facet.
        below: What a value below it says; the same as ``above`` where a metric knows no direction.
        neutral: The value of equal treatment.
    """

    name: str
    title: str
    stage: Stage
    needs_labels: bool
    of: Callable[[Slice], float] | None
    above: str
    below: str
    neutral: float = 0.0

    @property
    def description(self) -> str:
        """As in ``analysis.json``."""
        return f"{self.title} ({self.name})"

    def sentence(self, value: float, group: str) -> str:
        """What ``value`` says about ``group``, for people."""
        if value == self.neutral:
            return f"By {self.title.lower()} there is no difference between {group} and the others."
        return (self.above if value > self.neutral else self.below).format(group=group)

    def size(self, value: float) -> float:
        """How far ``value`` lies from equal treatment, 0 to infinity: a ratio counts the same in both directions."""
        if self.neutral == 0.0:
            return abs(value)
        return math.inf if value in (0.0, math.inf) else abs(math.log(value))


def _pre(name: str, title: str, of: Callable[[Slice], float], above: str, below: str | None = None) -> BiasMetric:
    return BiasMetric(name, title, "pre_training", name != "CI", of, above, below or above)


def _post(
    name: str, title: str, of: Callable[[Slice], float] | None, above: str, below: str, *, labels: bool = True
) -> BiasMetric:
    neutral = 1.0 if name == DISPARATE_IMPACT else 0.0
    return BiasMetric(name, title, "post_training", labels, of, above, below, neutral)


_APART = "The labels of {group} are distributed otherwise than those of the others."

PRE_TRAINING = (
    _pre(
        "CDDL",
        "Conditional Demographic Disparity in Labels",
        lambda s: pre.cddl(s.label_groups, s.labels.sum(axis=0)),
        "Among people of the same group variable, {group} has a larger share of the negative labels than of the "
        "positive ones.",
        "Among people of the same group variable, {group} has a larger share of the positive labels than of the "
        "negative ones.",
    ),
    _pre(
        "CI",
        "Class Imbalance",
        lambda s: pre.ci(s.facet),
        "{group} has fewer rows than the others: a model learns less about it.",
        "{group} has more rows than the others: a model learns less about them.",
    ),
    _pre(
        "DPL",
        "Difference in Positive Proportions in Labels",
        lambda s: pre.dpl(s.labels),
        "{group} is labelled positive less often than the others.",
        "{group} is labelled positive more often than the others.",
    ),
    _pre("JS", "Jensen-Shannon Divergence", lambda s: pre.js(s.labels), _APART),
    _pre("KL", "Kullback-Liebler Divergence", lambda s: pre.kl(s.labels), _APART),
    _pre("KS", "Kolmogorov-Smirnov Distance", lambda s: pre.ks(s.labels), _APART),
    _pre("LP", "L-p Norm", lambda s: pre.lp(s.labels), _APART),
    _pre("TVD", "Total Variation Distance", lambda s: pre.tvd(s.labels), _APART),
)

POST_TRAINING = (
    _post(
        "AD",
        "Accuracy Difference",
        lambda s: post.ad(s.confusion),
        "The model is right about {group} less often than about the others.",
        "The model is right about {group} more often than about the others.",
    ),
    _post(
        "CDDPL",
        "Conditional Demographic Disparity in Predicted Labels",
        lambda s: post.cddpl(s.prediction_groups, s.predictions.sum(axis=0)),
        "Among people of the same group variable, {group} has a larger share of the refused than of the accepted.",
        "Among people of the same group variable, {group} has a larger share of the accepted than of the refused.",
        labels=False,
    ),
    _post(
        "DAR",
        "Difference in Acceptance Rates",
        lambda s: post.dar(s.confusion),
        "Of those accepted from {group} fewer deserved it than of the others: acceptance is less precise there.",
        "Of those accepted from {group} more deserved it than of the others: it had to be better to be accepted.",
    ),
    _post(
        "DCA",
        "Difference in Conditional Acceptance",
        lambda s: post.dca(s.confusion),
        "Measured by its positive labels {group} is accepted too often, compared with the others.",
        "Measured by its positive labels {group} is accepted too seldom, compared with the others.",
    ),
    _post(
        "DCR",
        "Difference in Conditional Rejection",
        lambda s: post.dcr(s.confusion),
        "Measured by its negative labels {group} is refused too seldom, compared with the others.",
        "Measured by its negative labels {group} is refused too often, compared with the others.",
    ),
    _post(
        "DI",
        "Disparate Impact",
        lambda s: post.di(s.predictions),
        "{group} is accepted more often than the others; the value is the ratio of the two shares.",
        "{group} is accepted less often than the others; the value is the ratio of the two shares.",
        labels=False,
    ),
    _post(
        "DPPL",
        "Difference in Positive Proportions in Predicted Labels",
        lambda s: post.dppl(s.predictions),
        "{group} is accepted less often than the others; the value is the difference of the two shares.",
        "{group} is accepted more often than the others; the value is the difference of the two shares.",
        labels=False,
    ),
    _post(
        "DRR",
        "Difference in Rejection Rates",
        lambda s: post.drr(s.confusion),
        "Refusals of {group} are right more often than those of the others.",
        "Refusals of {group} are right less often than those of the others.",
    ),
    _post(
        "FT",
        "Flip Test",
        None,
        "More of {group} are accepted where the most similar others are refused than the reverse.",
        "More of {group} are refused where the most similar others are accepted than the reverse.",
        labels=False,
    ),
    _post(
        "GE",
        "Generalized Entropy",
        lambda s: post.ge(s.confusion.sum(axis=0)),
        "Wrong answers benefit some people and harm others, over all rows and whoever they are.",
        "Wrong answers benefit some people and harm others, over all rows and whoever they are.",
    ),
    _post(
        "RD",
        "Recall Difference",
        lambda s: post.rd(s.confusion),
        "Of those who deserve it the model accepts fewer from {group} than from the others.",
        "Of those who deserve it the model accepts more from {group} than from the others.",
    ),
    _post(
        "SD",
        "Specificity Difference",
        lambda s: post.sd(s.confusion),
        "Of those who do not deserve it the model refuses more from {group} than from the others.",
        "Of those who do not deserve it the model refuses fewer from {group} than from the others.",
    ),
    _post(
        "TE",
        "Treatment Equality",
        lambda s: post.te(s.confusion),
        "Errors about {group} are wrong refusals more often, measured by wrong acceptances, than about the others.",
        "Errors about {group} are wrong refusals less often, measured by wrong acceptances, than about the others.",
    ),
)

#: By short name, in the order of Clarify's files: pre-training, then post-training, each alphabetical.
METRICS = {metric.name: metric for metric in (*PRE_TRAINING, *POST_TRAINING)}
