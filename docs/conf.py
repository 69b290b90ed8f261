"""How is the documentation built? `python3 run.py matrix -e docs`, with warnings as errors."""

import sys
from importlib import metadata
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))

project = "pytest-dbperf"
author = "The pytest-dbperf developers"
copyright = author  # noqa: A001  # Sphinx's name
release = metadata.version("pytest-dbperf")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "from_code"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"pytest-dbperf {release}"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
default_role = "code"  # as in our docstrings
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3


def setup(app: Sphinx) -> None:
    """Show the file of debts as it is: Pygments has no lexer for TAB-separated text."""
    app.add_lexer("tsv", TextLexer)
