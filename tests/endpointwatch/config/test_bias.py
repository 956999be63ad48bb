from __future__ import annotations

import re
from pathlib import Path

import pytest

from endpointwatch.config.bias import Bias, Facet
from endpointwatch.config.loader import load
from endpointwatch.errors import ConfigError

ROOT = Path(__file__).parents[3]
DEMO = (ROOT / "include" / "endpoints" / "loan-approval.yaml").read_text(encoding="utf-8")
MONITORS = re.compile(r"^monitors:\n(?:[ ].*\n)+", re.MULTILINE)


def endpoint(tmp_path, monitor: str):
    path = tmp_path / "loan-approval.yaml"
    text, found = MONITORS.subn(f"monitors:\n  - kind: data_quality\n{monitor}", DEMO)
    assert found == 1
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_two_words_declare_the_monitor(tmp_path):
    monitor = endpoint(tmp_path, "  - kind: bias\n    sensitive_features: [dep, loanamt]\n").monitors[1]
    assert isinstance(monitor, Bias)
    assert monitor.facets == (Facet(name="dep"), Facet(name="loanamt"))


def test_a_facet_in_full_says_which_rows_are_the_group(tmp_path):
    text = "  - kind: bias\n    sensitive_features: [{name: dep, values: [0, 1]}, {name: loanamt, threshold: 150}]\n"
    monitor = endpoint(tmp_path, text).monitors[1]
    assert monitor.facets == (Facet(name="dep", values=(0, 1)), Facet(name="loanamt", threshold=150))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            "sensitive_features: [{name: dep, treshold: 5}]",
            "sensitive_features.0.treshold: there is no such key. Did you",
        ),
        ("sensitive_features: [{name: dep, threshold: 5, values: [1]}]", "`values` and `threshold` are both set"),
        ("sensitive_features: [dep, dep]", "['dep'] stand in the list more than once"),
        ("sensitive_features: [dep]\n    metrics: [DPPL, DPLL]", "metrics.1: Input should be"),
        (
            "sensitive_features: [dep]\n    aws_compatible: Enabled\n    confidence_interval: {bootstrap: Enabled}",
            "Clarify draws no samples",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place_in_the_file(tmp_path, text, answer):
    with pytest.raises(ConfigError) as caught:
        endpoint(tmp_path, f"  - kind: bias\n    {text}\n")
    assert answer in str(caught.value)
    assert "monitors.1" in str(caught.value)
    assert "function-after" not in str(caught.value)
