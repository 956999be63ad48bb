"""People who ask for a loan, by the thousand and by a seed: a world that can change in two ways.

Their incomes and debts may *drift*, which a monitor sees; and what makes a good debtor may turn into its *opposite*,
which it does not, but a challenger learns. A challenger wins where the world has turned, and only there.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

FEATURES = ("income", "debt", "age")
LABEL = "repaid"
#: What clients ask about again and again; each model version has a score of its own for it.
PROBE = "53.500,21.250,38.000"


@dataclass(frozen=True, slots=True)
class Person:
    """One applicant: the endpoint's CSV row, and how it went."""

    line: str
    label: str


def people(seed: int, count: int, *, drifted: bool = False, turned: bool = False) -> list[Person]:
    """``count`` applicants.

    Args:
        seed: The same one gives the same people.
        count: How many.
        drifted: Incomes and debts are higher by three standard deviations; the share of good debtors stays.
        turned: Who used to repay does not, and the other way round.
    """
    draw = random.Random(seed)
    shift = 3.0 if drifted else 0.0
    found = []
    for _ in range(count):
        income, debt = draw.gauss(shift, 1.0), draw.gauss(shift, 1.0)
        good = (income - debt + draw.gauss(0.0, 0.3) > 0) != turned
        line = f"{50 + 10 * income:.3f},{20 + 5 * debt:.3f},{draw.gauss(40.0, 8.0):.3f}"
        found.append(Person(line, str(int(good))))
    return found


def table(someone: Sequence[Person]) -> str:
    """A CSV file to train on, the label first."""
    header = ",".join((LABEL, *FEATURES))
    return "".join(f"{line}\n" for line in (header, *(f"{one.label},{one.line}" for one in someone)))
