"""How Sphinx builds the documentation: markdown pages, and an API page from the docstrings."""

from importlib.metadata import version as installed_version
from typing import Any

from sphinx.application import Sphinx
from sphinx.ext.napoleon import GoogleDocstring

project = "linkwrap"
author = "linkwrap contributors"
copyright = "2026, linkwrap contributors"
version = release = installed_version("linkwrap")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
suppress_warnings = ["toc.empty_glob"]

myst_heading_anchors = 3

default_role = "code"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
python_maximum_signature_line_length = 100

# Names of this package must resolve; those of others would need their inventories, and so the network.
# Type variables and the names of private modules have no page.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!linkwrap\.).*"),
    (r"py:.*", r"linkwrap\.(\w+\.)*_\w+\..*"),
    (r"py:.*", r"linkwrap\.\w+\.(Decision|Document|Piece|Text|\w+T)"),
]

html_theme = "alabaster"
html_theme_options = {"description": "Signed redirect links for email, everything else byte for byte"}


def read_sentence(app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    """Put a comment first: Napoleon reads "a: b" at the start of an attribute's docstring as its type and meaning."""
    if what in {"attribute", "property"}:
        lines[:] = ["..", "", *GoogleDocstring(lines, app.config, app, "method", name, obj, options).lines()]


def setup(app: Sphinx) -> None:
    """Run `read_sentence` before Napoleon, whose priority is 500."""
    app.connect("autodoc-process-docstring", read_sentence, priority=400)
