"""What a YAML file may say about columns, segments and baselines, and how its faults are told."""

from __future__ import annotations

import pytest

from endpointwatch.config.loader import load
from endpointwatch.errors import ConfigError

FILE = """\
name: loans
aws:
  role_arn: arn:aws:iam::123456789012:role/EndpointWatch
results_uri: s3://endpointwatch/results
capture:
  destination_uri: s3://endpointwatch/capture
schedule:
  start_date: 2026-11-01
job:
  image_uri: analyzer
monitors:
  - kind: data_quality
    excluded_columns: [id]
    column_overrides:
      income:
        completeness: 0.9
        domains: ["1", Norway]
        distribution_constraints:
          comparison_threshold: 0.3
    segments:
      column: region
    baseline:
      kind: rolling
      windows: 12
    record_preprocessor_script: s3://endpointwatch/scripts/before.py
baseline_dataset_format: parquet
decision:
  action: notify
"""


def written(folder, text):
    path = folder / "loans.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_setting_of_the_page_is_read(tmp_path):
    endpoint = load(written(tmp_path, FILE))
    (monitor,) = endpoint.monitors
    assert monitor.column_overrides["income"].domains == ("1", "Norway")
    assert (monitor.baseline.kind, monitor.baseline.least) == ("rolling", 6)
    assert (monitor.segments.column, monitor.segments.maximum) == ("region", 20)
    assert endpoint.baseline_dataset_format == "parquet"
    assert endpoint == type(endpoint).model_validate_json(endpoint.model_dump_json())


@pytest.mark.parametrize(
    ("right", "wrong", "line", "key", "says"),
    [
        ("completeness", "completness", 16, "column_overrides.income.completness", "Did you mean 'completeness'?"),
        (
            "comparison_threshold",
            "threshold",
            19,
            "column_overrides.income.distribution_constraints.threshold",
            "comparison_threshold",
        ),
        # YAML reads an unquoted yes as true: which text was meant nobody can tell.
        ('"1"', "yes", 17, "column_overrides.income.domains.0", "Put the text in quotes."),
        ("windows: 12", "windws: 12", 24, "baseline.windws", "Did you mean 'windows'?"),
        ("kind: rolling", "kind: roling", 23, "baseline.kind", "Did you mean 'rolling'?"),
        ("column: region", "colum: region", 21, "segments.colum", "Did you mean 'column'?"),
        ("excluded_columns", "exclude_columns", 13, "exclude_columns", "Did you mean 'excluded_columns'?"),
        (
            "s3://endpointwatch/scripts/before.py",
            "before.py",
            25,
            "record_preprocessor_script",
            "(it says 'before.py')",
        ),
    ],
)
def test_a_fault_names_file_line_key_and_remedy(tmp_path, right, wrong, line, key, says):
    path = written(tmp_path, FILE.replace(right, wrong))
    with pytest.raises(ConfigError) as refused:
        load(path)
    assert f"{path}:{line}: monitors.0.{key}: " in str(refused.value)
    assert says in str(refused.value)
