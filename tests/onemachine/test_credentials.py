from __future__ import annotations

import base64
import os
import stat
from dataclasses import astuple

import pytest

from onemachine.credentials import Credentials, load_or_make
from onemachine.errors import StackError


def test_an_installation_keeps_its_credentials(tmp_path):
    assert load_or_make(tmp_path) == load_or_make(tmp_path)


def test_two_installations_share_no_secret(tmp_path):
    one, two = load_or_make(tmp_path / "one"), load_or_make(tmp_path / "two")
    assert set(astuple(one)).isdisjoint(astuple(two))


def test_only_the_owner_can_read_them_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        load_or_make(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_they_are_as_long_as_their_users_want_them():
    made = Credentials.make()
    assert len(made.jwt_secret) >= 64  # bytes; fewer and Airflow warns with every token
    assert len(base64.urlsafe_b64decode(made.fernet_key)) == 32


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"jwt_secret": "x"}'])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path, text):
    (tmp_path / "secrets.json").write_text(text)
    with pytest.raises(StackError, match=r"secrets\.json is damaged.*make clean"):
        load_or_make(tmp_path)
