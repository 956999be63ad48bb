from __future__ import annotations

import pytest
from pydantic import ValidationError

from endpointwatch.actions.admission import Champion, RetrainRequest, admit
from endpointwatch.errors import DatasetError

HOUR = {"start": "2026-11-02T03:00:00Z", "end": "2026-11-02T04:00:00Z"}
CHAMPION = Champion(
    model_version="loan-approval-v2", model_data_url="s3://b/m/model.tar.gz", endpoint_config="loan-approval-0123456789"
)


@pytest.mark.parametrize(
    ("request_", "champion", "admitted"),
    [
        ({}, None, True),
        ({"model_version": "loan-approval-v1"}, None, False),
        ({"windows": [HOUR]}, CHAMPION, True),
        ({"windows": [HOUR], "model_version": "loan-approval-v2"}, CHAMPION, True),
        ({"windows": [HOUR], "model_version": "loan-approval-v1"}, CHAMPION, False),
        # Even without windows: a decision that is already answered is no error.
        ({"model_version": "loan-approval-v1"}, CHAMPION, False),
    ],
)
def test_only_the_version_that_still_serves_gets_a_challenger(request_, champion, admitted):
    answer = admit(RetrainRequest.model_validate(request_), champion, endpoint="loan-approval")
    assert answer.admitted is admitted
    assert answer.reason


def test_standing_down_names_both_versions():
    request = RetrainRequest.model_validate({"model_version": "loan-approval-v1", "windows": [HOUR]})
    reason = admit(request, CHAMPION, endpoint="loan-approval").reason
    assert "loan-approval-v1" in reason
    assert "loan-approval-v2" in reason


def test_a_challenger_without_windows_is_an_error_that_asks_for_them():
    with pytest.raises(DatasetError, match="needs `windows`"):
        admit(RetrainRequest(), CHAMPION, endpoint="loan-approval")


def test_windows_of_an_endpoint_that_does_not_exist_are_an_error():
    with pytest.raises(DatasetError, match="does not exist"):
        admit(RetrainRequest.model_validate({"windows": [HOUR]}), None, endpoint="loan-approval")


@pytest.mark.parametrize("form", [{"window": []}, {"windows": [{"start": "2026-11-02T03:00:00", "end": "x"}]}])
def test_a_form_with_unknown_or_unreadable_fields_is_refused(form):
    with pytest.raises(ValidationError):
        RetrainRequest.model_validate(form)
