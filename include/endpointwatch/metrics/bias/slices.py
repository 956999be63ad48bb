"""The counts behind every metric of one facet value: rows by group, facet, label and prediction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from endpointwatch.metrics.bias.ratios import Counts

#: The last place of the axes for labels and predictions: nothing is known about them.
UNKNOWN = 2


@dataclass(frozen=True, slots=True)
class Slice:
    """All rows, split by one facet value.

    Attributes:
        counts: Shape ``(groups + 1, 2, 3, 3)``: by group (the last place: in none), facet (0 the others, 1 the group),
            label and prediction (0 negative, 1 positive, 2 unknown).
    """

    counts: Counts

    @property
    def facet(self) -> Counts:
        """Rows by facet, shape ``(2,)``."""
        return self._summed((0, 2, 3))

    @property
    def labels(self) -> Counts:
        """Labelled rows by facet and label, shape ``(2, 2)``."""
        return self._summed((0, 3))[:, :UNKNOWN]

    @property
    def predictions(self) -> Counts:
        """Answered rows by facet and prediction, shape ``(2, 2)``."""
        return self._summed((0, 2))[:, :UNKNOWN]

    @property
    def confusion(self) -> Counts:
        """Rows of which both are known by facet, label and prediction, shape ``(2, 2, 2)``."""
        return self._summed((0,))[:, :UNKNOWN, :UNKNOWN]

    @property
    def label_groups(self) -> Counts:
        """Labelled rows by group, facet and label, shape ``(groups, 2, 2)``."""
        return self._summed((3,))[:-1, :, :UNKNOWN]

    @property
    def prediction_groups(self) -> Counts:
        """Answered rows by group, facet and prediction, shape ``(groups, 2, 2)``."""
        return self._summed((2,))[:-1, :, :UNKNOWN]

    @property
    def labelled(self) -> bool:
        return bool(self.counts[:, :, :UNKNOWN, :].any())

    @property
    def answered(self) -> bool:
        return bool(self.counts[..., :UNKNOWN].any())

    def strict(self) -> Slice:
        """The same rows as ``smclarify`` counts them: an unknown label or answer is a negative one."""
        counts = self.counts.copy()
        for axis, known in ((2, self.labelled), (3, self.answered)):
            if known:
                view = np.moveaxis(counts, axis, 0)
                view[0] += view[UNKNOWN]
                view[UNKNOWN] = 0
        return Slice(counts)

    def resampled(self, generator: np.random.Generator) -> Slice:
        """As many rows drawn from these with replacement: what a bootstrap sample of the rows counts to."""
        flat = self.counts.ravel()
        total = int(flat.sum())
        drawn = generator.multinomial(total, flat / total) if total else flat
        return Slice(drawn.reshape(self.counts.shape))

    def _summed(self, axes: tuple[int, ...]) -> Counts:
        summed: Counts = self.counts.sum(axis=axes)
        return summed
