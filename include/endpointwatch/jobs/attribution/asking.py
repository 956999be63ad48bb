"""The model that is explained, and the rows that it is explained on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endpointwatch.config.attribution import Attribution
from endpointwatch.jobs.models import artefact, live
from endpointwatch.jobs.monitors.duty import Duty, Lesson
from endpointwatch.jobs.plan import MODEL_PATH
from endpointwatch.metrics.attribution.explain import AT_ONCE, Asked, explain
from endpointwatch.metrics.attribution.explanation import Explanation

AskedModel = artefact.Artefact | live.Live


def settings_of(part: Duty | Lesson) -> Attribution:
    if not isinstance(part.settings, Attribution):
        raise TypeError(f"the attribution monitor was handed the settings of {part.settings.kind}")
    return part.settings


def declared(part: Duty | Lesson) -> tuple[str, ...]:
    """The features that the endpoint's file names, () when none are."""
    training = part.endpoint.training
    return settings_of(part).features or (training.features if training else ())


@contextmanager
def opened(part: Duty | Lesson, features: tuple[str, ...]) -> Iterator[AskedModel]:
    """The model to ask, as the settings say."""
    settings = settings_of(part)
    if settings.model.source == "artifact":
        with tempfile.TemporaryDirectory() as scratch:
            place = part.container.path(MODEL_PATH)
            yield artefact.load(place, features, Path(scratch), settings.json_payloads)
        return
    module = part.container.environment.get(live.CALLER_KEY) or live.CALLER
    caller = live.connect(part.endpoint.name, part.endpoint.aws.region, module)
    mark = part.plan.window.stamp if isinstance(part, Duty) else "baseline"
    yield live.Live(caller, settings.model, mark, settings.json_payloads)


def asked_of(model: AskedModel, texts: NDArray[Any], against: NDArray[Any], settings: Attribution) -> Explanation:
    """Explain rows of texts against baseline rows of texts, as the settings say.

    Raises:
        ModelError: The model cannot be asked or explained.
    """
    asked = Asked(
        use_logit=settings.use_logit == "Enabled",
        samples=settings.num_samples,
        seed=settings.seed,
        at_once=AT_ONCE if settings.model.source == "artifact" else settings.model.rows_per_request,
    )
    table = model.matrix(np.concatenate([against, texts]))
    return explain(model, table[len(against) :], table[: len(against)], asked)
