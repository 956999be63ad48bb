from __future__ import annotations

from endpointwatch.jobs.plan import BaselinePlan


def plan(endpoint, **changes):
    told = {
        "endpoint": endpoint,
        "monitors": ("data_quality",),
        "model_version": "loans-v1",
        "dataset_uri": "s3://bucket/baseline.csv",
        "learned_at": "2026-11-01T00:00:00Z",
    }
    return BaselinePlan(**{**told, **changes})


def test_a_baseline_is_awss_two_files_a_state_and_where_it_comes_from(learnt):
    job = learnt()
    assert sorted(job.files()) == [
        f"data_quality/{name}" for name in ("baseline.json", "constraints.json", "state.arrow", "statistics.json")
    ]
    about = job.document("data_quality/baseline.json")
    assert about["columns"] == ["prediction", "amount", "ratio", "colour"]
    assert (about["model_version"], about["dataset_uri"]) == ("loans-v1", "s3://bucket/baseline.csv")
    assert about["rows"]["analysed"] == 600
    types = {f["name"]: f["inferred_type"] for f in job.document("data_quality/constraints.json")["features"]}
    assert types == {"prediction": "Fractional", "amount": "Integral", "ratio": "Fractional", "colour": "String"}


def test_the_baselines_id_follows_from_its_content_not_from_when_or_for_whom_it_was_learnt(job, endpoint, traffic):
    def identity(text, **changes):
        baseline = job()
        baseline.put("input/dataset/a.csv", text)
        assert baseline.run(plan(endpoint, **changes)) == 0
        return baseline.document("data_quality/baseline.json")["id"]

    first = identity(traffic.dataset())
    assert identity(traffic.dataset(), learned_at="2027-01-01T00:00:00Z", model_version="loans-v2") == first
    assert identity(traffic.dataset(601)) != first


def test_the_yamls_thresholds_stand_in_the_constraints(learnt, with_settings):
    settings = with_settings(
        distribution_constraints={"comparison_threshold": 0.3, "comparison_method": "Simple"},
        domain_content_threshold=0.9,
    )
    config = learnt(settings).document("data_quality/constraints.json")["monitoring_config"]
    assert config["distribution_constraints"]["comparison_threshold"] == 0.3
    assert config["distribution_constraints"]["comparison_method"] == "Simple"
    assert config["domain_content_threshold"] == 0.9


def test_a_data_set_without_rows_or_with_another_header_fails_with_the_remedy(job, endpoint):
    empty = job()
    empty.put("input/dataset/a.csv", "x,y\n")
    assert empty.run(plan(endpoint)) == 255
    assert "no rows to learn a baseline from" in empty.message
    odd = job()
    odd.put("input/dataset/a.csv", "x,y\n1,2,3\n4,5,6\n")
    assert odd.run(plan(endpoint)) == 255
    assert "header has 2 names" in odd.message
