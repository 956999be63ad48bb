"""What kind of thing each text of a column is, and what that makes the column.

The classes and their patterns are those of Deequ's data-type analyzer, which Model Monitor is built on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

InferredType = Literal["Integral", "Fractional", "String", "Unknown"]

INTEGRAL = r"^[-+]? ?[0-9]+$"
FRACTIONAL = r"^[-+]? ?[0-9]+(?:\.[0-9]+|(?:\.[0-9]+)?[Ee][-+]?[0-9]+)$"
NUMBER = r"^[-+]? ?[0-9]+(?:\.[0-9]+)?(?:[Ee][-+]?[0-9]+)?$"
BOOLEAN = r"^(?:true|false)$"


@dataclass(frozen=True, slots=True)
class TypeCounts:
    """How many values of a column are of each class; missing values are in none. ``a + b`` counts both."""

    integral: int = 0
    fractional: int = 0
    boolean: int = 0
    text: int = 0

    def __add__(self, other: TypeCounts) -> TypeCounts:
        return TypeCounts(
            self.integral + other.integral,
            self.fractional + other.fractional,
            self.boolean + other.boolean,
            self.text + other.text,
        )

    @property
    def present(self) -> int:
        return self.integral + self.fractional + self.boolean + self.text

    @property
    def inferred(self) -> InferredType:
        """The column's type: one text makes it ``String``, one decimal point makes whole numbers ``Fractional``.

        A column of true and false alone is a ``String`` too: Model Monitor's files know no Boolean.
        """
        if self.present == 0:
            return "Unknown"
        if self.text or self.boolean:
            return "String"
        return "Fractional" if self.fractional else "Integral"

    def of(self, expected: InferredType) -> int:
        """How many values are of the ``expected`` type, counted strictly: a whole number is not ``Fractional``."""
        return {
            "Integral": self.integral,
            "Fractional": self.fractional,
            "String": self.text + self.boolean,
            "Unknown": 0,
        }[expected]
