"""A fleet's specification survives being written down, and retains of the live one exactly what AWS retains."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from pocketaws.hosting.spec import FleetSpec, VariantSpec

PROPERTIES = ["DesiredWeight", "DesiredInstanceCount", "DataCaptureConfig"]
CAPTURES = st.none() | st.builds(lambda n: {"DestinationS3Uri": f"s3://b/{n}"}, st.integers(0, 3))
VARIANTS = st.builds(
    VariantSpec,
    name=st.sampled_from("abc"),
    image=st.sampled_from(["i", "j"]),
    model_data=st.none() | st.just("s3://b/m.tar.gz"),
    environment=st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
    weight=st.floats(0, 10),
    instances=st.integers(1, 9),
)
FLEETS = st.builds(
    FleetSpec,
    config_name=st.text(max_size=5),
    variants=st.lists(VARIANTS, min_size=1, max_size=3, unique_by=lambda variant: variant.name).map(tuple),
    capture=CAPTURES,
)


@given(FLEETS)
def test_a_specification_read_back_is_the_one_written(spec):
    assert FleetSpec.of(json.loads(json.dumps(spec.record()))) == spec


@given(FLEETS, FLEETS)
def test_with_everything_excluded_nothing_is_retained(new, live):
    assert new.retaining(live, frozenset(PROPERTIES)) == new


@given(FLEETS, FLEETS, st.sets(st.sampled_from(PROPERTIES)))
def test_what_is_not_excluded_is_the_live_fleets_and_the_model_is_always_the_new_ones(new, live, exclude):
    found = new.retaining(live, frozenset(exclude))
    assert [(v.name, v.image, v.model_data) for v in found.variants] == [
        (v.name, v.image, v.model_data) for v in new.variants
    ]
    for variant, given_ in zip(found.variants, new.variants, strict=True):
        before = live.variant(variant.name) or given_
        assert variant.weight == (given_ if "DesiredWeight" in exclude else before).weight
        assert variant.instances == (given_ if "DesiredInstanceCount" in exclude else before).instances
    retained = "DataCaptureConfig" not in exclude and live.capture is not None
    assert found.capture == (live if retained else new).capture
