"""What a sender should know about a document as a whole, in sentences."""

import re

from .._markup.source import open_source

# A document up to the name of its first start tag, over text, comments, declarations and end tags.
_FIRST_ELEMENT = re.compile(
    r"""[^<]*+
    (?:<(?: !--(?:-?>|[^-]*+(?:-(?!-!?>)[^-]*+)*+--!?>)
          | !(?!--)[^>]*+>
          | [?/][^>]*+>
          | (?![a-zA-Z/!?]) )[^<]*+)*+
    <([a-zA-Z][^\t\n\f\r />]*+)(?=[\t\n\f\r />])""",
    re.ASCII | re.VERBOSE,
)
_MJML = re.compile(r"mjml\Z|mj-", re.ASCII | re.IGNORECASE)


def document_warnings(source: str | bytes) -> list[str]:
    """Return the warnings about a document that was given as HTML, each a sentence; takes linear time.

    MJML source is told by its first element: `<mjml>`, or an `<mj-…>` of a file that others include.
    """
    first = _FIRST_ELEMENT.match(open_source(source).text)
    if first and _MJML.match(first[1]):
        return [f"<{first[1]}> begins MJML source: compile it to HTML first, its mj- elements are not links yet"]
    return []
