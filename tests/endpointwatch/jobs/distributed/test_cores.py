from __future__ import annotations

import os

import pytest

from endpointwatch.jobs.cores import cores

ALLOWED = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("max 100000\n", ALLOWED),
        ("100000 100000\n", 1),
        ("50000 100000\n", 1),
        ("10000000 100000\n", ALLOWED),
        ("nonsense", ALLOWED),
    ],
)
def test_a_container_has_the_cores_it_is_given(tmp_path, quota, expected):
    (tmp_path / "cpu.max").write_text(quota)
    assert cores(tmp_path / "cpu.max") == expected


def test_without_a_control_group_the_scheduler_decides(tmp_path):
    assert cores(tmp_path / "cpu.max") == ALLOWED
