"""Starting it, and what it says when it cannot start."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.pocketaws

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def run():
    """Run the command to its end."""
    python = os.environ.get("POCKETAWS_PYTHON", str(REPOSITORY / ".venv-pocketaws/bin/python"))

    def run(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, "-m", "pocketaws", *options],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "include"), **variables},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run


def test_help_names_every_option_and_how_to_reach_it(run):
    done = run("--help")
    assert done.returncode == 0
    for word in ("--port", "--home", "--images", "--max-jobs", "--host", "--isolation", "AWS_ENDPOINT_URL", "501"):
        assert word in done.stdout


def test_a_port_in_use_is_named_with_the_settings_that_move_it(run, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = run("--port", port, "--home", str(tmp_path / "home"))
    assert done.returncode == 2
    for word in (port, "--port", "POCKETAWS_PORT"):
        assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_an_option_can_be_given_as_a_variable(run, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = run(POCKETAWS_PORT=port, POCKETAWS_HOME=str(tmp_path / "home"))
    assert port in done.stderr


def test_two_processes_do_not_share_one_state(run, pocketaws):
    done = run("--port", "1", "--home", str(pocketaws.home))
    assert done.returncode == 2
    assert str(pocketaws.pid) in done.stderr
    assert "--home" in done.stderr


@pytest.mark.parametrize("content", ["{", '{"images": [{"pattern": "x"}]}', '{"images": [{"pattern": 1}]}'])
def test_a_malformed_file_of_images_is_told_at_the_start(run, tmp_path, content):
    images = tmp_path / "images.json"
    images.write_text(content)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    done = run("--port", port, "--home", str(tmp_path / "home"), "--images", str(images))
    assert done.returncode == 2
    assert str(images) in done.stderr
    assert "Traceback" not in done.stderr


def test_the_start_says_where_it_is_reached_how_it_isolates_and_where_its_state_lies(pocketaws):
    said = pocketaws.output()
    for word in (pocketaws.url, pocketaws.health()["isolation"], str(pocketaws.home), str(pocketaws.images)):
        assert word in said


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads listening sockets from /proc")
def test_it_listens_on_one_port_of_the_loopback_and_nowhere_else(pocketaws):
    inodes = {
        _link(entry).removeprefix("socket:[").removesuffix("]")
        for entry in Path(f"/proc/{pocketaws.pid}/fd").iterdir()
        if entry.is_symlink() and _link(entry).startswith("socket:")
    }
    listening = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            # 0A is LISTEN; a bound UDP socket is 07.
            if fields[9] in inodes and fields[3] in {"0A", "07"}:
                listening.append((table, fields[1]))
    assert listening == [("tcp", f"0100007F:{pocketaws.port:04X}")]


def _link(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:  # closed meanwhile
        return ""
