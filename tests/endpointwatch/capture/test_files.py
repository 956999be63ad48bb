from __future__ import annotations

from endpointwatch.capture.files import files


def test_what_begins_with_a_dot_or_an_underscore_is_left_out_with_all_that_is_in_it(tmp_path):
    told = ["b.csv", "2026/a.csv", "2026/.crc", "_SUCCESS", "_temporary/0/b.csv", ".ipynb_checkpoints/b-checkpoint.csv"]
    for name in told:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [path.relative_to(tmp_path).as_posix() for path in files(tmp_path)] == ["2026/a.csv", "b.csv"]


def test_the_folder_itself_may_have_any_name(tmp_path):
    folder = tmp_path / "_mine" / ".here"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_bytes(b"")
    assert files(folder) == (folder / "a.csv",)
