"""Which version a rollback goes back to, and which may be forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endpointwatch.actions.versions import VersionRequest, expendable, target
from endpointwatch.errors import DeploymentError
from endpointwatch.reports.deployment import Deployment, history, previous

START = datetime(2026, 3, 1, tzinfo=UTC)


def records(*told: str) -> tuple[Deployment, ...]:
    """``"v1"`` was deployed, ``"<v1"`` was gone back to, ``"=v1"`` was deployed again on purpose."""
    words = {"<": "rollback", "=": "redeploy"}
    return tuple(
        Deployment(
            endpoint="loans", model_version=text.lstrip("<="), in_service_from=START + timedelta(hours=hour),
            endpoint_config=f"config-{hour}", how=words.get(text[0], "deploy"),
        )
        for hour, text in enumerate(told)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("told", "before"),
    [
        ((), None),
        (("v1",), None),
        (("v1", "v2"), "v1"),
        (("v1", "v2", "v3"), "v2"),
        # Not to and fro: a rollback takes away what it went back from.
        (("v1", "v2", "v3", "<v2"), "v1"),
        (("v1", "v2", "v3", "<v2", "<v1"), None),
        (("v1", "v2", "v3", "<v2", "v4"), "v2"),
        (("v1", "v2", "v3", "=v1"), "v3"),
        (("v1", "v2", "v3", "=v1", "<v3"), "v2"),
        (("v1", "v1"), None),
        # Brought back though nobody has written down when it served first.
        (("v2", "<v1"), "v2"),
    ],
)
def test_the_version_before_is_the_one_that_a_person_would_name(told, before):
    found = previous(records(*told))
    assert (found.model_version if found else None) == before


VERSIONS = st.lists(
    st.builds(lambda how, n: f"{how}v{n}", st.sampled_from(["", "<", "="]), st.integers(1, 4)), max_size=8
)


@settings(max_examples=100)
@given(told=VERSIONS)
def test_going_back_again_and_again_comes_to_an_end(told):
    known = list(records("v1", *told))
    for _ in range(len(known) + 1):
        back = previous(known)
        if back is None:
            return
        later = known[-1].in_service_from + timedelta(hours=1)
        known.append(back.model_copy(update={"in_service_from": later, "how": "rollback"}))
    pytest.fail(f"still going back: {[(d.how, d.model_version) for d in history(known)]}")


@settings(max_examples=100)
@given(told=VERSIONS, keep=st.integers(1, 4), serving=st.integers(1, 4))
def test_what_serves_and_what_a_rollback_needs_is_never_forgotten(told, keep, serving):
    known = records("v1", *told)
    gone = {found.model_version for found in expendable(known, keep=keep, in_use={f"v{serving}"})}
    assert f"v{serving}" not in gone
    assert history(known)[-1].model_version not in gone
    back = previous(known)
    assert back is None or back.model_version not in gone
    left = {found.model_version for found in known} - gone
    assert len(left) >= min(keep + 1, len({found.model_version for found in known}))
    assert len(left) <= keep + 2


def asked(known, how="rollback", serving="v3", **form):
    return target(known, VersionRequest(**form), how=how, serving=serving, endpoint="loans").model_version


def test_an_empty_form_goes_back_to_the_version_before():
    assert asked(records("v1", "v2", "v3"), version=None, reason=None) == "v2"


def test_a_version_that_nobody_has_recorded_yet_is_gone_back_from():
    assert asked(records("v1", "v2"), serving="v3") == "v2"


def test_a_named_version_is_taken_by_its_last_deployment():
    known = records("v1", "v2", "=v1", "v3")
    found = target(known, VersionRequest(version="v1"), how="redeploy", serving="v3", endpoint="loans")
    assert found.endpoint_config == "config-2"


@pytest.mark.parametrize(
    ("known", "form", "said"),
    [
        (("v1",), {"how": "rollback", "serving": "v1"}, "nothing to go back to"),
        (("v11", "v12"), {"how": "redeploy", "version": "v13"}, r"there are \['v11', 'v12'\]. Did you mean"),
        (("v1", "v2"), {"how": "redeploy"}, "No deployment of 'v3'"),
    ],
)
def test_what_cannot_be_served_is_an_error_that_names_what_can(known, form, said):
    with pytest.raises(DeploymentError, match=said):
        asked(records(*known), **form)
