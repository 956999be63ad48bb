"""Two hundred small made-up data sets for the bias metrics, the same wherever they are made.

Only ``random.Random.random`` is drawn from: Python promises that its sequence never changes. Imported by the test and,
in an environment of its own, by :mod:`freeze_smclarify`.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from typing import Any

CASES = 200


def case(number: int) -> dict[str, Any]:
    """One data set and what is asked of it.

    ``columns`` by name (None: missing), ``facet`` with ``facet_values`` (None: each in turn), ``positive`` label values
    or threshold, ``group`` (None: no group variable). The label is ``label``, the answer ``predicted``; all other
    columns are features.
    """
    chance = random.Random(number)

    def pick(options: Sequence[Any]) -> Any:
        return options[int(chance.random() * len(options))]

    rows = 1 + int(chance.random() * 120)
    gaps = pick((0.0, 0.0, 0.1))
    facet, facet_values = _facet(pick, chance, rows, gaps)
    label, predicted, positive = _outcomes(pick, chance, rows, gaps)
    columns: dict[str, list[Any]] = {"facet": facet, "label": label, "predicted": predicted}
    group = pick((None, "number", "text"))
    if group == "number":
        columns["group"] = _gapped([int(chance.random() * 4) for _ in range(rows)], chance, gaps)
    elif group == "text":
        # smclarify cannot sort texts and gaps together, so there are none here.
        columns["group"] = [pick("xyz") for _ in range(rows)]
    for place in range(int(chance.random() * 4)):
        digits = pick((0, 1, 6))
        columns[f"feature{place}"] = [round(chance.random() * 5, digits) for _ in range(rows)]
    return {
        "columns": columns,
        "facet": "facet",
        "facet_values": facet_values,
        "positive": positive,
        "group": "group" if group else None,
    }


def digest(made: dict[str, Any]) -> str:
    """What the data set is known by, so that a frozen answer is never held against other data."""
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:16]


def _facet(pick: Any, chance: random.Random, rows: int, gaps: float) -> tuple[list[Any], list[Any] | None]:
    kind = pick(("text", "texts", "each", "flag", "threshold", "whole threshold", "absent"))
    if kind == "threshold":
        return _gapped([round(chance.random() * 10, 3) for _ in range(rows)], chance, gaps), [
            pick((2.5, 5.0, 9.9, 11.0))
        ]
    if kind == "whole threshold":
        return [18 + int(chance.random() * 60) for _ in range(rows)], [40]
    if kind == "flag":
        return [int(chance.random() * 2) for _ in range(rows)], [pick((0, 1))]
    values = _gapped([pick("abcd") for _ in range(rows)], chance, gaps)
    return values, {"text": ["a"], "texts": ["a", "c"], "each": None, "absent": ["q"]}[kind]


def _outcomes(pick: Any, chance: random.Random, rows: int, gaps: float) -> tuple[list[Any], list[Any], list[Any]]:
    rate, agree = pick((0.0, 0.2, 0.3, 0.5, 0.6, 0.9, 1.0)), pick((0.4, 0.7, 0.9, 1.0))
    kind = pick(("flag", "text", "texts", "threshold"))
    truth = [chance.random() < rate for _ in range(rows)]
    answer = [good if chance.random() < agree else chance.random() < rate for good in truth]
    if kind == "threshold":
        label, predicted = ([round(chance.random() * 5 + 5 * good, 3) for good in side] for side in (truth, answer))
        return _gapped(label, chance, gaps), predicted, [5.0]
    good, bad, positive = {
        "flag": ((1,), (0,), [1]),
        "text": (("yes",), ("no", "open"), ["yes"]),
        "texts": (("yes", "soon"), ("no",), ["yes", "soon"]),
    }[kind]
    label, predicted = ([pick(good if one else bad) for one in side] for side in (truth, answer))
    return (_gapped(label, chance, gaps) if kind != "flag" else label), predicted, positive


def _gapped(values: list[Any], chance: random.Random, share: float) -> list[Any]:
    return [None if chance.random() < share else value for value in values]
