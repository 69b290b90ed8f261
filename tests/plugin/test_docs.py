"""What the README and the documentation show is what happens, block after block."""

import re
import shlex
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
from sybil import Document
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer

import run
from pytest_dbperf.budgets.built_in import BUDGETS

HOME = Path(__file__).parents[2]
PAGES = sorted([HOME / "README.md", *HOME.glob("*/README.md"), *HOME.glob("docs/**/*.md")])
LANGUAGES = ("python", "ini", "toml", "tsv", "sh", "text")

# Elsewhere, what they show is an error.
NEED_POSTGRES = {"docs/how-to/plans.md"}

# 10: all tests passed, but a gate of the whole run did not.
OK, FAILED = {pytest.ExitCode.OK, 10}, {pytest.ExitCode.TESTS_FAILED}
USAGE = {pytest.ExitCode.USAGE_ERROR}

# What a page need not tell: some books to list.
CONFTEST = """
import pytest

@pytest.fixture
def books(db):
    from shop.models import Author, Book

    for number in range(25):
        Author.objects.create(name=f"Author {number}").books.create(title=f"Book {number}")
"""


def blocks_of(page):
    """The code blocks of a page in their order: language and source."""
    document = Document(page.read_text(), str(page))
    regions = [
        (region.start, language, str(region.lexemes["source"]))
        for language in LANGUAGES
        for region in FencedCodeBlockLexer(language)(document)
    ]
    return [(language, source) for _, language, source in sorted(regions)]


WITH_BLOCKS = {
    page.relative_to(HOME).as_posix(): page for page in (HOME / "CONTRIBUTING.md", *PAGES) if blocks_of(page)
}


class PageReader:
    """Does what a page says, and compares."""

    def __init__(self, suite, page):
        self.suite = suite
        self.page = page
        self.said = ""
        suite.file("conftest.py", CONFTEST)
        if not any(language == "python" for language, _ in blocks_of(page)):
            suite.file("test_of_yours.py", "def test_it(books): pass")

    def read(self):
        """Do what the blocks say, one after the other."""
        blocks = [*blocks_of(self.page), ("", "")]
        for (language, source), (following, shown) in pairwise(blocks):
            getattr(self, language)(source, shown if following == "text" else "")

    def python(self, source, shown):
        """Write the file that the first line names; its tests pass, unless they are shown to fail."""
        name = re.match(r"# (\S+\.py)\n", source)
        path = name[1] if name else "test_unnamed.py"
        self.suite.file(path, source)
        if path.startswith("test_"):
            self.run_pytest([path], FAILED if re.search(r"\d > \d|^Failed: ", shown) else OK)

    def ini(self, source, shown):
        """Add settings, for what comes after."""
        self.suite.ini(source)

    def toml(self, source, shown):
        """Install the package, if it is one with a plugin."""
        project = tomllib.loads(source).get("project", {})
        for plugin in project.get("entry-points", {}).get("pytest11", {}).values():
            self.suite.install(project["name"].replace("-", "_"), plugin)

    def sh(self, source, shown):
        """Run what can be run here; of the rest, the commands and the files that it names must exist."""
        for line in source.splitlines():
            match shlex.split(line, comments=True):
                case ["pytest", *args] if "example_project" not in args:
                    # A page may show a test that fails, and go on.
                    self.run_pytest(args, OK if shown else OK | FAILED)
                case ["dbperf", *args]:
                    # A page may show a broken file, and commands that need a repository.
                    is_fine = shown and "To repair it" not in shown
                    self.run_dbperf(args, OK if is_fine else OK | FAILED | USAGE)
                case ["python", name] if (self.suite.path / name).exists():
                    self.run_script(name)
                case ["python3", "run.py", command, *_]:
                    assert command in run.COMMANDS
                case words:
                    named = {word for word in words if word.endswith((".py", ".txt", "_project"))}
                    folders = (HOME, self.page.parent)
                    assert named == {word for word in named for folder in folders if (folder / word).exists()}

    def run_pytest(self, args, expected):
        """Run pytest, which has to end in the way that is expected."""
        done = self.suite.run(*args)
        assert done.ret in expected
        self.said = done.stdout.str()

    def tsv(self, source, shown):
        """Write the file of debts."""
        self.suite.file("dbperf-baseline.tsv", source)

    def run_dbperf(self, args, expected):
        """Run the command line tool, as it is called where it is not installed."""
        done = self.suite.pytester.run(sys.executable, "-m", "pytest_dbperf", *args)
        assert done.ret in expected
        self.said = f"{done.stdout}{done.stderr}"

    def run_script(self, name):
        """Run a program of a page on a database that is there without tests: SQLite."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DATABASE_URL", "sqlite:///script.sqlite3")
            patch.setenv("TMPDIR", str(self.suite.path))
            done = self.suite.pytester.run(sys.executable, name)
        assert done.ret == 0
        self.said = done.stdout.str()

    def text(self, source, shown):
        """Compare with what was said last."""
        assert as_shown(source.strip()) in as_shown(self.said)


def as_shown(text):
    """Leave out what differs from run to run: times, and how they are aligned."""
    return re.sub(r" +", " ", re.sub(r"\d+\.\d+", "0.0", text))


@pytest.mark.parametrize("name", WITH_BLOCKS)
def test_code_blocks_do_what_the_page_says(suite, name, request):
    """They are run in the order of the page, and what is shown below one is what it says."""
    if name in NEED_POSTGRES:
        request.getfixturevalue("postgres")
    PageReader(suite, WITH_BLOCKS[name]).read()


def test_the_readme_is_short():
    """It is read in one go."""
    assert len((HOME / "README.md").read_text().splitlines()) <= 120


@pytest.mark.parametrize("budget_class", BUDGETS)
def test_the_readme_names_every_budget(budget_class):
    """A new one is added to the table."""
    assert f"`{budget_class.name}" in (HOME / "README.md").read_text()
