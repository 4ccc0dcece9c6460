"""How Sphinx builds the documentation: markdown pages, and an API page from the docstrings."""

from importlib.metadata import version as installed_version

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
python_maximum_signature_line_length = 100

# Names of this package must resolve; those of others would need their inventories, and so the network.
# Type variables and what only the package itself handles have no page.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!linkwrap\.).*"),
    (r"py:.*", r"linkwrap\.(template\.(Text|Slot|Decision)|wrapper\.Text|mime\.template\.(Mail|Place)|trees\.Tree)"),
]

html_theme = "alabaster"
html_theme_options = {"description": "Signed redirect links for email, everything else byte for byte"}
