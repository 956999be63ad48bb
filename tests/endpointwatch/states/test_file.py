from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endpointwatch.states import Table
from endpointwatch.states.file import read, write


def table(rows: list[tuple[str | None, str | None]]) -> Table:
    frame = pl.DataFrame(rows, schema={"a": pl.String, "b": pl.String}, orient="row")
    return Table().extend(frame.to_arrow().combine_chunks().to_batches()[0]) if rows else Table()


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.sampled_from(["1", "2.5", "x", "1e5", "ü"])),
            st.one_of(st.none(), st.integers(0, 10).map(str)),
        ),
        max_size=40,
    )
)
def test_a_state_read_back_is_the_same_state_and_gives_the_same_bytes(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("state")
    state = table(rows)
    write(state, folder / "one")
    again = read(folder / "one")
    assert again == state
    write(again, folder / "two")
    assert (folder / "one").read_bytes() == (folder / "two").read_bytes()


def test_states_read_back_still_add_up(tmp_path):
    hours = [table([(str(i), "x") for i in range(start, start + 3000)]) for start in (0, 3000)]
    for number, state in enumerate(hours):
        write(state, tmp_path / str(number))
    day = read(tmp_path / "0") + read(tmp_path / "1")
    assert day.rows == 6000
    assert day.columns[0].sketch == (hours[0] + hours[1]).columns[0].sketch


def test_a_file_that_is_no_state_or_of_another_version_is_refused(tmp_path):
    (tmp_path / "text").write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="is no state file"):
        read(tmp_path / "text")
    schema = pa.schema([("name", pa.string())], metadata={"endpointwatch.state.version": "99"})
    with pa.OSFile(str(tmp_path / "new"), "wb") as sink, pa.ipc.new_file(sink, schema):
        pass
    with pytest.raises(ValueError, match="version 99"):
        read(tmp_path / "new")
