"""`dbperf baseline fmt` writes the file in its canonical form."""

import pytest

from pytest_dbperf.baseline.files import NAME


def test_a_file_is_written_in_its_canonical_form(repository):
    """And named, once."""
    repository.write("b=1", "a=1")

    assert repository.dbperf("fmt") == (0, f"{NAME}: written in its canonical form\n")
    assert repository.lines == ["test\ta\tx=1", "test\tb\tx=1"]
    assert repository.dbperf("fmt") == (0, "")


def test_check_writes_nothing(repository):
    """A hook of pre-commit passes the names of the files."""
    repository.write("b=1", "a=1")

    assert repository.dbperf("fmt", "--check", NAME) == (
        1,
        f"{NAME}: not in its canonical form. To change that, run `dbperf baseline fmt {NAME}`.\n",
    )
    assert repository.lines == ["test\tb\tx=1", "test\ta\tx=1"]
    repository.write("a=1")
    assert repository.dbperf("fmt", "--check") == (0, "")


@pytest.mark.parametrize("form", [lambda text: text.replace("\n", "\r\n"), lambda text: "\ufeff" + text])
def test_a_byte_order_mark_and_the_line_ends_of_windows_are_not_canonical(repository, form):
    """They are read, and written away."""
    repository.write("a=1")
    repository.file.write_bytes(form(repository.file.read_text()).encode())

    assert repository.dbperf("fmt", "--check")[0] == 1
    assert repository.dbperf("fmt")[0] == 0
    assert repository.dbperf("fmt", "--check")[0] == 0


def test_repeated_lines_are_repaired(repository):
    """A check refuses them, as pytest does."""
    repository.write("a=3", "a=2")

    code, said = repository.dbperf("fmt", "--check")
    assert code == 4
    assert (
        f"{NAME}:3: `test a` stands in line 2 already. To repair it, run `dbperf baseline fmt {NAME}`."
        in said
    )
    assert repository.dbperf("fmt")[0] == 0
    assert repository.lines == ["test\ta\tx=2"]


def test_what_cannot_be_repaired_is_not_written(repository):
    """There is a conflict to merge first."""
    repository.write("<<<<<<< a")

    assert repository.dbperf("fmt")[0] == 4
    assert repository.lines == ["<<<<<<< a"]


def test_the_nearest_file_is_meant(repository, monkeypatch):
    """The current directory is looked at first, and then those above, up to the repository's."""
    repository.write("b=1", "a=1")
    below = repository.path / "shop"
    below.mkdir()
    monkeypatch.chdir(below)

    assert repository.dbperf("fmt") == (0, f"{repository.file}: written in its canonical form\n")


def test_no_file_is_an_error(repository):
    """It says what writes one."""
    code, said = repository.dbperf("fmt")

    assert code == 4
    assert f"there is no {NAME} here or above" in said
    assert "run `pytest --dbperf-update`, which writes one" in said
