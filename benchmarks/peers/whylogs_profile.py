"""whylogs' profile of a table that is flat and in memory before the clock starts; nothing is compared."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pandas as pd
import whylogs as why

from harness.inside import Work, tell


def main() -> None:
    table = pd.read_parquet(sys.argv[1])
    with Work() as work:
        profile = why.log(pandas=table).view().to_pandas()
    tell(work, rows=len(table), columns=len(profile))


if __name__ == "__main__":
    main()
