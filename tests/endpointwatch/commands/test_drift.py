"""``python -m endpointwatch drift``: what differs, and an exit code to go by."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from endpointwatch.__main__ import main
from endpointwatch.actions.deployment import endpoint_config_request
from endpointwatch.config.loader import load

FILE = Path(__file__).parents[3] / "include" / "endpoints" / "loan-approval.yaml"


@pytest.fixture
def live(tmp_path):
    """What serves, as the file declares it; with changes."""

    def write(**changes):
        made = endpoint_config_request(load(FILE), model_name="loan-approval-v1", live=None)
        (tmp_path / "live.json").write_text(json.dumps({**made, **changes}))
        return str(tmp_path / "live.json")

    return write


def test_an_endpoint_as_declared_is_exit_code_0(live, capsys):
    assert main(["drift", str(FILE), live()]) == 0
    assert "is as its file declares it" in capsys.readouterr().out


def test_every_difference_is_a_line_with_its_key(live, capsys):
    assert main(["drift", str(FILE), live(DataCaptureConfig={"EnableCapture": False})]) == 1
    assert capsys.readouterr().out.startswith("capture is on in the file, off live. Run the onboard DAG")


def test_what_is_no_configuration_is_exit_code_2_with_the_command_that_writes_one(tmp_path, capsys):
    (tmp_path / "live.json").write_text("{}")
    assert main(["drift", str(FILE), str(tmp_path / "live.json")]) == 2
    assert "describe-endpoint-config" in capsys.readouterr().err
