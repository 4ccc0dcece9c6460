"""The pages that readers see, in English: the redirect server's `--pages` replaces them per host and language.

They load nothing, have no script, and fit a narrow screen, light or dark.
"""

from collections.abc import Mapping
from typing import Final

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""A page posts to its own host only, and is shown in no frame that could have its button clicked."""
HTML: Final = "text/html; charset=utf-8"
HEADERS: Final = {"Content-Security-Policy": POLICY, "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}
_LONGEST_ACCEPT = 1024

_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ margin: 0; background: #fff; color: #1f2328; font: 1.125rem/1.5 system-ui, sans-serif }}
main {{ max-width: 34rem; margin: 0 auto; padding: 3rem 1.25rem; overflow-wrap: anywhere }}
h1 {{ margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.25 }}
button {{ min-height: 3rem; padding: .5rem 1.5rem; border: 2px solid #0b57d0; border-radius: .5rem;
  background: #0b57d0; color: #fff; font: inherit; cursor: pointer }}
button:focus-visible {{ outline: 3px solid currentColor; outline-offset: 3px }}
@media (prefers-color-scheme: dark) {{
  body {{ background: #16181c; color: #e8eaed }}
  button {{ border-color: #a8c7fa; background: #a8c7fa; color: #062e6f }}
  button:focus-visible {{ outline-color: #e8eaed }}
}}
</style>
<main>
<h1>{title}</h1>
{content}
</main>
</html>
"""
_ASK = """<p>Do you want to unsubscribe from these messages?</p>
<form method="post">
<input type="hidden" name="List-Unsubscribe" value="One-Click">
<button>Unsubscribe</button>
</form>"""


def _page(title: str, content: str) -> bytes:
    return _PAGE.format(title=title, content=content).encode()


PAGES: Final = {
    "404": _page("This link does not work", "<p>Please open it again from the message it came in.</p>"),
    "410": _page("This link was disabled", "<p>It does not lead anywhere any more.</p>"),
    "unsubscribe": _page("Unsubscribe", _ASK),
    "unsubscribed": _page("Thank you", "<p>Your request to unsubscribe was received.</p>"),
}
"""Each by the name of the file that replaces it."""


def wants_html(headers: Mapping[str, str]) -> bool:
    """Whether `Accept` names HTML, as that of browsers does; the names of headers are in any case."""
    return any(
        name.lower() == "accept" and "text/html" in value[:_LONGEST_ACCEPT].lower() for name, value in headers.items()
    )
