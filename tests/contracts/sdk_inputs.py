"""The data that the SDK is given, by which its answers are judged."""

from __future__ import annotations

import random

AGES = [23 + (7 * row) % 41 for row in range(300)]
INCOMES = [1000 + 13.5 * row for row in range(300)]
COLOURS = [("red", "green", "blue")[row % 3] if row % 50 else "" for row in range(300)]

_CHANCE = random.Random(12)
SCORES = [round(_CHANCE.random(), 4) for _ in range(500)]
LABELS = [int(_CHANCE.random() < score) for score in SCORES]

PEOPLE = [(row % 3 == 0, row % 4 == 0, "fm"[row % 2], 20 + row * 7 % 50, row % 5) for row in range(400)]


def data_quality() -> str:
    """A CSV file with a header."""
    rows = [f"{age},{income},{colour}" for age, income, colour in zip(AGES, INCOMES, COLOURS, strict=True)]
    return "age,income,colour\n" + "\n".join(rows) + "\n"


def model_quality() -> str:
    """A CSV file with a header."""
    rows = [f"{score},{label}\n" for score, label in zip(SCORES, LABELS, strict=True)]
    return "probability,label\n" + "".join(rows)


def bias() -> str:
    """A CSV file without a header: label, prediction, gender, age, occupation."""
    return "".join(f"{int(label)},{int(said)},{gender},{age},{job}\n" for label, said, gender, age, job in PEOPLE)
