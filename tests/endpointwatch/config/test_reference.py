from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel

from endpointwatch.config.data_quality import DataQuality, DistributionConstraints
from endpointwatch.config.endpoint import Capture, Decision, Endpoint, Training
from endpointwatch.config.reference import main, reference

PAGE = Path(__file__).parents[3] / "docs" / "endpoint-file.md"


def section(title: str) -> dict[str, list[str]]:
    """The rows of one table of the page, by key."""
    text = reference().split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("| `")]
    return {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in rows}


def test_the_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == reference(), (
        "run: PYTHONPATH=include python -m endpointwatch.config.reference --output docs/endpoint-file.md"
    )


def test_every_key_of_every_section_has_a_row_with_as_many_cells_as_the_titles():
    sections: dict[str, type[BaseModel]] = {
        "The file": Endpoint,
        "`capture`": Capture,
        "`decision`": Decision,
        "`training`": Training,
        "`monitors[]`, `kind: data_quality`": DataQuality,
        "`monitors[].distribution_constraints`": DistributionConstraints,
    }
    for title, model in sections.items():
        rows = section(title)
        assert set(rows) == set(model.model_fields), title
        assert {len(cells) for cells in rows.values()} == {3}, title


def test_a_row_says_what_a_key_takes_its_limits_its_default_and_its_meaning():
    assert section("`monitors[]`, `kind: data_quality`")["false_discovery_rate"] == [
        "number; above 0.0; below 1.0",
        "`0.05`",
        "With `benjamini_hochberg`: the share of false alarms that is put up with.",
    ]
    whole = section("The file")
    assert whole["results_uri"][:2] == ["text; as `s3://bucket/prefix`", "**required**"]
    assert whole["baseline_dataset_uri"][:2] == ["text, or null; as `s3://bucket/prefix`", "null"]
    assert section("`capture`")["modes"][:2] == ["list of `Input` or `Output`", "`Input`, `Output`"]


def test_the_page_is_written_where_it_is_asked_for(tmp_path, capsys):
    assert main(["--output", str(tmp_path / "page.md")]) == 0
    assert main([]) == 0
    assert capsys.readouterr().out == (tmp_path / "page.md").read_text(encoding="utf-8")
