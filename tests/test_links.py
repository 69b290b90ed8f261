"""Does each link lead somewhere? On GitHub, on PyPI and on the site of the documentation."""

import re
from pathlib import Path

import pytest

HOME = Path(__file__).parents[1]
PAGES = sorted([*HOME.glob("*.md"), HOME / "example_project" / "README.md", *HOME.glob("docs/**/*.md")])
# The source archive has no .github, so there are fewer files to check.
FILES = sorted([*PAGES, HOME / "pyproject.toml", *HOME.glob(".github/**/*.yml")])
SITE = "https://pytest-dbperf.readthedocs.io/en/latest/"
REPOSITORY = "https://github.com/pytest-dbperf/pytest-dbperf/blob/main/"


def name_of(file):
    """How a failure names a file."""
    return file.relative_to(HOME).as_posix()


def links_of(page):
    """The targets of a page's links. What looks like one in code is none."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", text)


def urls_of(file, beginning):
    """What follows a beginning in the URLs of a file."""
    return re.findall(re.escape(beginning) + r"([^\s)\"'>]*)", file.read_text(encoding="utf-8"))


def anchors_of(page):
    """The anchors that GitHub and Sphinx make of the headings of a page."""
    headings = re.findall(r"^#+ +(.+?) *$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(target, page):
    """Whether there is a file of this name, seen from a page, and the anchor in it."""
    path, _, anchor = target.partition("#")
    file = page.parent / path if path else page
    return file.exists() and (not anchor or anchor in anchors_of(file))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_lead_somewhere(page):
    """Pages and their headings change names."""
    relative = [target for target in links_of(page) if "://" not in target]

    assert [target for target in relative if not leads_somewhere(target, page)] == []


def test_the_readme_has_no_relative_link():
    """PyPI shows it, too, where a relative link is dead."""
    assert [target for target in links_of(HOME / "README.md") if "://" not in target] == []


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_links_to_the_site_name_pages_of_ours(file):
    """The site has a page for each file of docs/."""
    targets = [url.replace(".html", ".md") for url in urls_of(file, SITE)]

    assert [target for target in targets if not leads_somewhere(target, HOME / "docs" / "index.md")] == []


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_links_to_the_repository_name_files_of_ours(file):
    """What is not on the site is on GitHub."""
    targets = urls_of(file, REPOSITORY)

    assert [target for target in targets if not leads_somewhere(target, HOME / "README.md")] == []
