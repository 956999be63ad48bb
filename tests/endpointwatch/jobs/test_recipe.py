from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from endpointwatch.config.training import Recipe, Training
from endpointwatch.config.window import Window
from endpointwatch.errors import DatasetError
from endpointwatch.jobs.recipe import TIME, blended, capped, original

START = datetime(2026, 11, 1, tzinfo=UTC)
HOURS = tuple(Window.of(START + timedelta(hours=n), START + timedelta(hours=n + 1)) for n in range(4))
TRAINING = Training(
    image_uri="i", initial_dataset_uri="s3://bucket/i", artifacts_uri="s3://bucket/a", features=("x", "y"),
    label="good", model_package_group="g",
)  # fmt: skip


def rows(count, prefix="id"):
    return pl.DataFrame({"id": [f"{prefix}-{n}" for n in range(count)], "good": ["1"] * count, "x": ["2"] * count})


def timed(per_hour):
    """So many rows in each of the hours."""
    times = [
        hour.start + timedelta(seconds=n) for hour, count in zip(HOURS, per_hour, strict=True) for n in range(count)
    ]
    frame = rows(sum(per_hour))
    return frame.with_columns(pl.Series(TIME, times, dtype=pl.Datetime("us", "UTC")))


SHARES = st.floats(0.01, 1.0)


@settings(max_examples=60)
@given(recent=st.integers(1, 400), old=st.integers(0, 400), share=SHARES, limit=st.none() | st.integers(1, 500))
def test_a_part_keeps_its_limit_and_its_share_and_never_invents_rows(recent, old, share, limit):
    part = blended(rows(recent), rows(old, "old"), Recipe(recent_share=share), limit=limit)
    assert part.recent + part.original == part.frame.height <= (limit or recent + old)
    assert 1 <= part.recent <= recent
    assert part.original <= old
    assert part.frame.get_column("id").n_unique() == part.frame.height
    wanted = part.recent * (1 - share) / share
    # Fewer original rows than the share asks for only where there are no more, or no more fit.
    if part.original < old and (limit is None or part.frame.height < limit):
        assert abs(part.original - wanted) <= 0.5


@settings(max_examples=40)
@given(recent=st.integers(2, 300), small=st.integers(1, 150), more=st.integers(0, 150), seed=st.integers(0, 5))
def test_a_larger_draw_holds_every_smaller_one(recent, small, more, seed):
    recipe = Recipe(seed=seed)
    less = set(blended(rows(recent), rows(0), recipe, limit=small).frame["id"])
    assert less <= set(blended(rows(recent), rows(0), recipe, limit=small + more).frame["id"])


@settings(max_examples=40)
@given(per_hour=st.tuples(*[st.integers(0, 60)] * 4), limit=st.none() | st.integers(1, 80))
def test_no_window_gives_more_than_its_limit_and_all_are_counted(per_hour, limit):
    kept, counts = capped(timed(per_hour), HOURS, Recipe(maximum_rows_per_window=limit))
    assert [one.labelled for one in counts] == list(per_hour)
    assert [one.kept for one in counts] == [min(count, limit or count) for count in per_hour]
    assert kept.height == sum(one.kept for one in counts)


def test_the_draw_of_one_window_does_not_depend_on_the_others():
    recipe = Recipe(maximum_rows_per_window=10)
    frame = timed((40, 40, 0, 0))
    both, _ = capped(frame, HOURS[:2], recipe)
    alone, _ = capped(frame, HOURS[:1], recipe)
    assert set(alone["id"]) <= set(both["id"])


def test_windows_that_overlap_count_a_row_once():
    day = Window.of(START, START + timedelta(hours=4))
    kept, counts = capped(timed((10, 10, 10, 10)), (HOURS[1], day), Recipe())
    assert kept.height == 40
    assert [one.labelled for one in counts] == [0, 40]


def test_which_rows_are_drawn_is_chance_and_another_seed_draws_others():
    drawn = [blended(rows(400), rows(0), Recipe(seed=seed), limit=200).frame["id"].to_list() for seed in (1, 2)]
    assert drawn[0] != drawn[1]
    places = sorted(int(name.removeprefix("id-")) / 400 for name in drawn[0])
    assert stats.kstest(places, "uniform").pvalue > 0.01


def test_rows_keep_their_order_and_the_windows_come_first():
    frame = blended(rows(50), rows(50, "old"), Recipe(recent_share=0.5), limit=40).frame
    names = frame["id"].to_list()
    assert [name.startswith("old") for name in names] == [False] * 20 + [True] * 20
    assert names[:20] == sorted(names[:20], key=lambda name: int(name.removeprefix("id-")))


def test_the_original_set_is_read_by_name_as_it_is_written(tmp_path):
    text = "note,y,good,x\na,1.50,1,\nb,2,0,7\n"
    (tmp_path / "part.csv").write_text(text)
    read = original(tmp_path, TRAINING)
    assert read.frame.rows() == [("part.csv:2", "1", None, "1.50"), ("part.csv:3", "0", "7", "2")]
    (source,) = read.sources
    assert (source.file, source.rows, source.sha256) == ("part.csv", 2, hashlib.sha256(text.encode()).hexdigest())


def test_an_original_set_that_lacks_a_column_is_an_error_that_names_it(tmp_path):
    (tmp_path / "part.csv").write_text("good,x\n1,2\n")
    with pytest.raises(DatasetError, match=r"part\.csv .* has no column \['y'\]"):
        original(tmp_path, TRAINING)


def test_a_recipe_that_takes_the_windows_alone_needs_no_original_set(tmp_path):
    assert original(tmp_path / "none", TRAINING).frame.height == 0
