"""What the README and the documentation show is what happens, block after block."""

import os
import re
import shlex
import shutil
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sybil import Document
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer

import run
from pytest_dbperf.budgets.built_in import BUDGETS
from tests.plugin.conftest import Suite

HOME = Path(__file__).parents[2]
EXAMPLE = HOME / "example_project"
PAGES = sorted([HOME / "README.md", *HOME.glob("*/README.md"), *HOME.glob("docs/**/*.md")])
LANGUAGES = ("python", "ini", "toml", "tsv", "diff", "sh", "text")

# Elsewhere, what they show is an error.
NEED_POSTGRES = {"docs/how-to/plans.md"}

# They are about the example project, as it was before it had limits for all tests.
ABOUT_THE_EXAMPLE = {"docs/how-to/adopt.md"}
TESTS_OF_EXAMPLE = [f"campaigns/tests/test_{name}.py" for name in ("list", "nearby")]

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


class ExampleSuite(Suite):
    """A copy of the example project without a baseline."""

    def __init__(self, suite, monkeypatch):
        for path in suite.path.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.pytester, self.path = suite.pytester, suite.path
        shutil.copytree(
            EXAMPLE,
            self.path,
            ignore=shutil.ignore_patterns("__pycache__", ".dbperf", "dbperf-baseline.tsv", "*.sqlite3"),
            dirs_exist_ok=True,
        )
        self.ini()
        url = os.environ["DATABASE_URL"]
        if url.startswith("postgres"):
            # This process has a database for its tests, and that one will have another.
            monkeypatch.setenv("DATABASE_URL", urlsplit(url)._replace(path=f"/adopt_{os.getpid()}").geturl())
        else:
            monkeypatch.setenv("DATABASE_URL", f"sqlite:///{self.path}/adopt.sqlite3")
        for name in ("DJANGO_SETTINGS_MODULE", "PYTHONPATH"):
            monkeypatch.delenv(name, raising=False)

    def ini(self, *lines):
        """Write pytest.ini as the example has it, but with these settings of the plugin and no others."""
        settings = (EXAMPLE / "pytest.ini").read_text().splitlines()
        kept = [line for line in settings if not line.startswith(("addopts", "dbperf_", "testpaths"))]
        kept += [f"testpaths = {' '.join(TESTS_OF_EXAMPLE)}", "addopts = -p no:randomly -p no:faker"]
        self.file("pytest.ini", "\n".join((*kept, *lines)) + "\n")


class PageReader:
    """Does what a page says, and compares."""

    def __init__(self, suite, page):
        self.suite = suite
        self.page = page
        self.said = ""
        if isinstance(suite, ExampleSuite):
            return
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
                    is_fine = shown and not re.search(r"\d > \d", shown)
                    self.run_pytest(args, OK if is_fine else OK | FAILED)
                case ["dbperf", *args]:
                    # A page may show a broken file, and commands that need a repository.
                    is_fine = shown and "To repair it" not in shown
                    self.run_dbperf(args, OK if is_fine else OK | FAILED | USAGE)
                case ["cat", name] if (self.suite.path / name).exists():
                    self.said = (self.suite.path / name).read_text().expandtabs(2)
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

    def diff(self, source, shown):
        """Change a file: each part that is shown is there once."""
        name = re.search(r"^\+\+\+ b/(\S+)", source, re.MULTILINE)[1]
        text = (self.suite.path / name).read_text()
        for part in re.split(r"^@@.*\n", source, flags=re.MULTILINE)[1:]:
            before, after = (
                "".join(line[1:] for line in part.splitlines(keepends=True) if line[0] in signs)
                for signs in (" -", " +")
            )
            assert text.count(before) == 1
            text = text.replace(before, after)
        self.suite.file(name, text)

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
    if name in ABOUT_THE_EXAMPLE:
        suite = ExampleSuite(suite, request.getfixturevalue("monkeypatch"))
    PageReader(suite, WITH_BLOCKS[name]).read()


def test_the_readme_is_short():
    """It is read in one go."""
    assert len((HOME / "README.md").read_text().splitlines()) <= 120


@pytest.mark.parametrize("budget_class", BUDGETS)
def test_the_readme_names_every_budget(budget_class):
    """A new one is added to the table."""
    assert f"`{budget_class.name}" in (HOME / "README.md").read_text()
