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


def test_one_data_set_with_labels_serves_every_monitor_and_data_quality_leaves_the_labels_out(job, endpoint, traffic):
    header, *lines = traffic.dataset().splitlines()
    text = "\n".join([f"{header},approved", *(f"{line},{place % 2}" for place, line in enumerate(lines))]) + "\n"
    document = endpoint.model_dump(mode="json")
    quality = {"kind": "model_quality", "problem_type": "BinaryClassification", "probability_attribute": "0"}
    document["monitors"].append(quality)
    both = type(endpoint).model_validate(document)
    labelled, plain = job(), job()
    labelled.put("input/dataset/a.csv", text + "0.5,1,red,1\n")
    assert labelled.run(plan(both, monitors=("data_quality", "model_quality"))) == 0, labelled.message
    plain.put("input/dataset/a.csv", traffic.dataset())
    assert plain.run(plan(endpoint)) == 0
    for name in ("statistics.json", "constraints.json"):
        assert labelled.document(f"data_quality/{name}") == plain.document(f"data_quality/{name}")
    told = labelled.document("data_quality/baseline.json")["rows"]
    assert (told["analysed"], told["set_aside"]) == (600, 1)  # the short row is not taken for one without a label
    assert labelled.document("model_quality/baseline.json")["columns"] == ["approved", "0"]
    assert labelled.document("model_quality/statistics.json")["dataset"] == {"item_count": 600}


def test_monitors_that_need_labels_learn_from_the_held_out_rows_where_they_are_given(job, endpoint, traffic):
    header, *lines = traffic.dataset().splitlines()
    text = "\n".join([f"{header},approved", *(f"{line},{place % 2}" for place, line in enumerate(lines))]) + "\n"
    document = endpoint.model_dump(mode="json")
    quality = {"kind": "model_quality", "problem_type": "BinaryClassification", "probability_attribute": "0"}
    both = type(endpoint).model_validate({**document, "monitors": [*document["monitors"], quality]})
    running = job()
    running.put("input/dataset/a.csv", text)
    running.put("input/held_out/a.csv", "".join(f"{line}\n" for line in text.splitlines()[:101]))
    held_out = "s3://bucket/held_out.csv"
    told = plan(both, monitors=("data_quality", "model_quality"), held_out_dataset_uri=held_out)
    assert running.run(told) == 0, running.message
    about = {name: running.document(f"{name}/baseline.json") for name in ("data_quality", "model_quality")}
    assert about["data_quality"]["dataset_uri"] == "s3://bucket/baseline.csv"
    assert about["data_quality"]["rows"]["analysed"] == 600
    assert about["model_quality"]["dataset_uri"] == held_out
    assert about["model_quality"]["rows"]["analysed"] == 100
