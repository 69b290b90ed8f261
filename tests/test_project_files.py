"""Do the files around the package agree? Classifiers with tox, hooks with the pins, pages with the code."""

import ast
import configparser
import re
import tomllib
from pathlib import Path

import pytest

from tests.test_architecture import FOLDERS, PACKAGE, STOREYS, tree_of

HOME = Path(__file__).parents[1]
ARCHITECTURE = HOME / "docs" / "explanation" / "architecture.md"
GLOSSARY = HOME / "docs" / "reference" / "glossary.md"


def text_of(*path):
    """The text of a file of the repository. The source archive has none of those that begin with a dot."""
    file = HOME.joinpath(*path)
    if path[0].startswith(".") and not file.exists():
        pytest.skip(f"the source archive has no {path[0]}")
    return file.read_text(encoding="utf-8")


def tox():
    """The settings of tox."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text_of("tox.ini"))
    return parser


def pins_of(name):
    """The versions that a file of requirements pins: of one with a marker, the last."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text_of("requirements", name), re.MULTILINE))


def test_the_classifiers_are_what_ci_runs():
    """A version that is promised is tested, and the other way round."""
    classifiers = tomllib.loads(text_of("pyproject.toml"))["project"]["classifiers"]
    promised = {each for each in classifiers if re.search(r":: \d\.\d+$", each)}
    environments = tox()["tox"]["env_list"]
    # As in py311-dj52 and py312-dj{52,60,61}.
    cells = re.findall(r"py(\d)(\d+)-dj\{?([\d,]+)", environments)

    assert promised == {
        *(f"Programming Language :: Python :: {major}.{minor}" for major, minor, _ in cells),
        *(f"Framework :: Django :: {one[0]}.{one[1:]}" for *_, series in cells for one in series.split(",")),
    }


def test_pre_commit_has_the_versions_of_ci():
    """Else a commit passes here and fails there."""
    text, pins = text_of(".pre-commit-config.yaml"), pins_of("tools.txt")
    revisions = dict(re.findall(r"repo: \S+/(\S+)\n +rev: v(\S+)", text))
    libraries = {name.partition("[")[0]: version for name, version in re.findall(r"- (\S+)==(\S+)", text)}

    assert revisions == {
        "ruff-pre-commit": pins["ruff"],
        "typos": pins["typos"],
        "mirrors-mypy": pins["mypy"],
    }
    assert libraries == {name: pins[name] for name in libraries}


def test_the_site_is_built_as_ci_builds_it():
    """The same Python, and the same pinned versions."""
    text, environment = text_of(".readthedocs.yaml"), tox()["testenv:docs"]

    assert f"requirements: {environment['deps'].removeprefix('-r ')}\n" in text
    assert environment["base_python"] == "py" + re.search(r'python: "(.+)"', text)[1].replace(".", "")


@pytest.mark.parametrize("name", ["beside.txt", "tests.txt", "tools.txt"])
def test_the_pins_name_no_package_index(name):
    """Each takes the packages from where it takes all others."""
    assert "://" not in text_of("requirements", name)


def test_the_page_on_other_tools_has_the_versions_that_ci_tries():
    """Those of the dependency group are all that it lists."""
    rows = re.findall(
        r"^\| ([\w-]+) \| (\d\S+) \|", text_of("docs", "explanation", "other-tools.md"), re.MULTILINE
    )
    group = tomllib.loads(text_of("pyproject.toml"))["dependency-groups"]["beside"]
    tried = {re.match(r"[\w-]+", each)[0] for each in group if isinstance(each, str)} - {"opentelemetry-sdk"}

    assert dict(rows) == {name: version for name, version in pins_of("beside.txt").items() if name in tried}


def test_the_page_on_the_architecture_has_the_storeys():
    """The picture is the rule that the test of the architecture enforces."""
    picture = re.search(r"```none\n(.+?)```", ARCHITECTURE.read_text(encoding="utf-8"), re.DOTALL)[1]
    # The names of a storey are two spaces apart, and its description follows after more.
    drawn = [re.split(r" {3,}", line)[0].split() for line in picture.splitlines()]

    assert drawn == [line.split() for line in reversed(STOREYS.strip().splitlines())]


def test_the_page_on_the_architecture_has_the_question_of_each_folder():
    """They are the map of the package."""
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", ARCHITECTURE.read_text(encoding="utf-8"), re.MULTILINE)

    assert dict(rows) == {folder: ast.get_docstring(tree_of(folder)) for folder in FOLDERS}


def test_the_page_on_the_architecture_names_files_that_exist():
    """The way of a query goes through them."""
    named = set(re.findall(r"`((?:\w+/)*\w+\.py)`", ARCHITECTURE.read_text(encoding="utf-8")))

    assert {name for name in named if not any((root / name).exists() for root in (PACKAGE, HOME))} == set()


def terms():
    """The words of the glossary, in its order."""
    listed = re.search(r"```\{glossary\}\n(.+?)```", GLOSSARY.read_text(encoding="utf-8"), re.DOTALL)[1]
    return re.findall(r"^(\S.*)$", listed, re.MULTILINE)


def test_the_glossary_is_in_order():
    """A word is found where it is looked for."""
    assert terms() == sorted(terms(), key=str.lower)


@pytest.mark.parametrize("term", terms())
def test_a_word_of_the_glossary_is_used(term):
    """A word that no page and no module uses explains nothing."""
    files = [*HOME.glob("docs/**/*.md"), *PACKAGE.rglob("*.py"), HOME / "README.md"]
    # It may be at the beginning of a sentence, over two lines, or in the name of a class.
    words = r"[\s_-]*".join(re.escape(word) for word in term.split())
    used = re.compile(rf"\b{words}", re.IGNORECASE)

    assert any(used.search(file.read_text(encoding="utf-8")) for file in files if file != GLOSSARY)
