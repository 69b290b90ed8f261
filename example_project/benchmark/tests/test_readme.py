"""Does a run change its section of the README, and nothing else?"""

from pathlib import Path

import pytest

from benchmark.claims import CLAIMS
from benchmark.readme import END, README, START, section, write
from benchmark.rows import ROWS
from benchmark.tests.results import make_result, make_run


def test_a_run_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    """The marks stay, and so does everything around them."""
    readme = tmp_path / "README.md"
    readme.write_text(f"# Title\n\n{START}\nold\n{END}\n\nThe end.\n")

    write("first", readme)
    write("second", readme)

    assert readme.read_text() == f"# Title\n\n{START}\n\nsecond\n\n{END}\n\nThe end.\n"


def test_a_readme_without_marks_is_left_alone(tmp_path: Path) -> None:
    """Without marks, the right place for the section is unknown."""
    readme = tmp_path / "README.md"
    readme.write_text("# Title\n")

    with pytest.raises(ValueError, match=r"README.md has no lines"):
        write("anything", readme)
    assert readme.read_text() == "# Title\n"


def test_the_readme_of_the_project_has_the_marks() -> None:
    """Both marks are there once, in their order."""
    before, start, rest = README.read_text().partition(START)

    assert start
    assert rest.count(END) == 1
    assert END not in before


def test_a_section_tells_how_to_do_it_again() -> None:
    """It has the command, the versions, and the processor time of the clients."""
    results = [make_result(row, rates=(100, 100)) for row in ROWS]
    said = section(make_run(*results, left_out=("Redis: it is not installed",)))

    assert said.startswith(
        "`python3 run.py example-bench --rounds 2 --requests 2 --concurrency 1`, with Python 3."
    )
    assert "PostgreSQL 18.6, Django " in said
    assert "The clients took 1.0 ms of processor time a request, and never more than 10% of one core." in said
    assert "\nNot measured: Redis: it is not installed.\n" in said
    assert said.count("\n- **") == len(CLAIMS)
