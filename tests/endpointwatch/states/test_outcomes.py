from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endpointwatch.config.bias import Bias
from endpointwatch.monitors import bias
from endpointwatch.monitors.choices import Choice
from endpointwatch.states.outcomes import Outcomes, read, write

ROLES = bias.Roles(
    (Choice("gender"), Choice("age", threshold=40), Choice("region", values=("n", "s"))),
    Choice("label", (1,)),
    Choice("score", threshold=0.5),
    "job",
)
ROW = st.fixed_dictionaries(
    {
        "gender": st.sampled_from(["f", "m", "", None]),
        "age": st.sampled_from(["18", "40", "41.5", "90", "?", None]),
        "region": st.sampled_from(["n", "s", "w"]),
        "label": st.sampled_from(["0", "1", "1.0", None]),
        "score": st.sampled_from(["0.5", "0.7", "0.1"]),
        "job": st.sampled_from(["a", "b", None]),
    }
)
SETTINGS = Bias(sensitive_features=("gender", "age", "region"), metrics=("DPPL", "RD", "CDDPL", "DI", "GE"))


def frame(rows) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(("gender", "age", "region", "label", "score", "job"), pl.String))


@settings(max_examples=40)
@given(st.lists(ROW, max_size=30), st.lists(ROW, max_size=30))
def test_the_state_of_the_whole_is_the_sum_of_its_parts(first, second):
    whole = bias.compute(frame(first + second), ROLES)
    parts = bias.compute(frame(first), ROLES) + bias.compute(frame(second), ROLES)
    assert parts == whole or not whole.rows
    measured = [bias.measure(state, ROLES, SETTINGS, ("post_training",)) for state in (whole, parts)]
    assert measured[0] == measured[1]


@settings(max_examples=20)
@given(st.lists(ROW, min_size=1, max_size=30))
def test_a_state_is_read_back_as_it_was_written_and_gives_the_same_bytes(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("state")
    state = bias.flip_tests(frame(rows), ROLES, bias.compute(frame(rows), ROLES))
    for name in ("a", "b"):
        write(state, folder / name)
    assert read(folder / "a") == state
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()


def test_the_flip_test_is_lost_when_states_are_added_and_says_so():
    rows = frame([{"gender": "fm"[n % 2], "age": "30", "region": "n", "score": "0.7"} for n in range(20)])
    numbers = rows.with_columns(pl.col("age").cast(pl.Float64)).select("gender", "age", "score")
    roles = bias.Roles((Choice("gender"),), None, Choice("score", threshold=0.5))
    state = bias.flip_tests(numbers, roles, bias.compute(numbers, roles))
    asked = Bias(sensitive_features=("gender",), metrics=("FT",))
    alone, added = (bias.measure(one, roles, asked, ("post_training",))[0] for one in (state, state + state))
    assert alone.value == 0.0
    assert (added.value, added.error) == (None, bias.NEEDS_ROWS)


def test_a_foreign_file_is_no_state(tmp_path):
    (tmp_path / "state.arrow").write_text("no")
    with pytest.raises(ValueError, match="run the window again"):
        read(tmp_path / "state.arrow")
    assert Outcomes().rows == 0
