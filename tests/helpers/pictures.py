"""Mail whose picture must not change: the project's own cases, ways to wrap them, and styles as clients leave them."""

import re
from collections.abc import Mapping

from linkwrap import LinkWrapper, SigningKeys

WRAPPER = LinkWrapper(SigningKeys("the key of the pictures"), account_id="acme", tracking_domain="click.acme.test")
WIDTHS = (600, 320)

Pixels = tuple[str, str]
"""Markup of the open pixel and of the initial-open pixel, `{}` in place of the URL."""

_PLAIN = '<img border="0" width="1" height="1" alt="" src="{}"'
PLAIN_PIXELS: Pixels = (
    f"{_PLAIN}>",
    f'{_PLAIN} style="display:block;width:1px;height:1px;margin:0 0 -1px;border:0;opacity:0">',
)
"""The usual way to write them, for comparison: an image in the line, and a block whose margin takes its height back."""

FORMS: Mapping[str, Mapping[str, bool]] = {
    "links": {"open_tracking": False},
    "open": {},
    "both": {"initial_open": True},
}
"""How a mail is wrapped: links alone, the open pixel too, both pixels too."""

CLIENTS: Mapping[str, re.Pattern[str]] = {
    "whole": re.compile("$^"),
    "no negative margins": re.compile(r"margin[a-z-]*:[^;]*-\d[^;]*;?"),
    "no float, no margins": re.compile(r"(?:float|margin[a-z-]*):[^;]*;?"),
}
"""What a client drops of the pixel's style: nothing, what Gmail does, what Outlook ignores."""

_PIXEL = re.compile(r'<img [^>]*?src="(https://click\.acme\.test/q/[^"]*)"[^>]*>')
_STYLE = re.compile(r' style="([^"]*)"')

_PARAGRAPHS = "<p>First line of this mail.</p><p>Second line with a <a href='https://a.test/'>link</a>.</p>"
_COLUMNS = "<div style='background:#cde'>one</div><div style='background:#dec'>two</div><p>three</p>"
_TABLE = "<table bgcolor='#ddeeff' cellpadding='8' {}><tr><td>Hello</td><td>there</td></tr></table>"

CASES: Mapping[str, str] = {
    "paragraph": "<body><p>Hello</p></body>",
    "text": "<body>Hello there</body>",
    "text that ends in a break": "<body>Hello there<br></body>",
    "unclosed centre": "<body><center>hello there</body>",
    "centred body": f"<body style='text-align:center'>hello there{_PARAGRAPHS}bye</body>",
    "justified": f"<body style='text-align:justify'>{'many words in one paragraph ' * 20}</body>",
    "centred table": f"<!DOCTYPE html><body style='margin:0'>{_TABLE.format('align=center width=400')}</body>",
    "full-width table": f"<!DOCTYPE html><body style='margin:0'>{_TABLE.format('width=100%')}</body>",
    "two tables side by side": f"<body style='margin:0'>{_TABLE.format('align=left width=50%') * 2}</body>",
    "quirks and no margin": f"<body style='margin:0;padding:0'>{_PARAGRAPHS}</body>",
    "standards and no margin": f"<!DOCTYPE html><body style='margin:0;padding:0'>{_PARAGRAPHS}</body>",
    "text behind html": "<html><body><p>Hi</p></body></html>\nfooter",
    "paragraph behind html": "<html><body><p>Hi</p></body></html>\n<p>footer</p>",
    "open table": "<body><table><tr><td>Hello</td></tr> </body>",
    "open table, full width": "<body style='margin:0'><table width='100%' bgcolor=red><tr><td>Hello</td></tr> </body>",
    "open table in a standards document": "<!DOCTYPE html><body><table><tr><td>Hello</td></tr> </body>",
    "open nested table": "<body><table><tr><td>Hi<table align='center'><tr><td>Hello</td></tr> </body>",
    "open cell": "<body><table bgcolor='#ddeeff'><tr><td>Hello</body>",
    "open paragraph": "<body><p>Hello <b>there</body>",
    "open list": "<body><ul><li>one<li>two</body>",
    "open link": "<body><p>Go <a href='https://a.test/' style='border:1px solid'>there</body>",
    "preheader": (
        "<body><div style='display:none;max-height:0;overflow:hidden'>Preview</div>"
        f"{_TABLE.format('width=100%')}</body>"
    ),
    "preheader of no size": (
        "<!DOCTYPE html><body style='margin:0'>"
        "<span style='font-size:1px;line-height:1px;max-height:0;opacity:0;overflow:hidden;color:#fff'>Preview</span>"
        f"{_TABLE.format('align=center')}</body>"
    ),
    "right to left": f"<body dir='rtl'>{_PARAGRAPHS}{_TABLE.format('width=300')}</body>",
    "right to left, text": "<html dir='rtl'><body>שלום עולם, hello</body></html>",
    "right to left, no margin": f"<!DOCTYPE html><html dir='rtl'><body style='margin:0'>{_PARAGRAPHS}</body></html>",
    "right to left, table": f"<html dir='rtl'><body style='margin:0'>{_TABLE.format('width=100%')}</body></html>",
    "right to left, tables that fill a line": (
        f"<html dir='rtl'><body style='margin:0'>{_TABLE.format('align=right width=50%') * 2}</body></html>"
    ),
    "flex row": f"<!DOCTYPE html><body style='display:flex'>{_COLUMNS}</body>",
    "flex column": f"<!DOCTYPE html><body style='display:flex;flex-direction:column'>{_COLUMNS}</body>",
    "flex centred": f"<!DOCTYPE html><body style='display:flex;place-content:center'>{_COLUMNS}</body>",
    "flex wrapped": f"<!DOCTYPE html><body style='display:flex;flex-wrap:wrap'>{_COLUMNS}</body>",
    "grid": f"<!DOCTYPE html><body style='display:grid'>{_COLUMNS}</body>",
    "empty body": "<body></body>",
    "nothing": "",
    "fragment": "Hello <a href='https://a.test/'>there</a>",
    "table fragment": _TABLE.format("width=100%"),
    "floats at the end": (
        "<!DOCTYPE html><body style='margin:0'><div style='float:left;width:50%;background:#cde'>one<br>two</div>"
        "<div style='float:right;width:50%;background:#dec'>three</div></body>"
    ),
    "floats at the start": (
        "<body><img align='left' width='60' height='30' alt='logo' src='https://a.test/logo.png'>beside it</body>"
    ),
    "inline blocks": (
        "<head><style>div{display:inline-block;width:50%;font-size:16px;background:#cde}</style></head>"
        "<body style='margin:0;font-size:0;text-align:center'><div>one</div><div>two</div></body>"
    ),
    "preformatted": "<body><pre>Hello\nthere\n</pre></body>",
    "body that keeps white space": "<body style='white-space:pre-wrap'>Hello\nthere\n</body>",
    "indented body": "<body style='text-indent:2em'>Hello there</body>",
    "first letter": "<head><style>body::first-letter{font-size:3em}</style></head><body>Hello there</body>",
    "large line height": f"<body style='margin:0;line-height:40px'>{_PARAGRAPHS}bye</body>",
    "background": f"<body bgcolor='#ddeeff' style='margin:0;background:#def'>{_PARAGRAPHS}</body>",
    "style for images": (
        f"<head><style>img{{display:block;padding:9px;width:100%}}</style></head><body>{_PARAGRAPHS}</body>"
    ),
}
"""Named bodies; none is like a newsletter, and each stands for a way that a body lays out its ends."""


EXCEPTIONS: Mapping[str, str] = {
    "an !important style for images": (
        "<head><style>img{display:block!important;width:100%!important;height:auto!important}</style></head>"
        f"<body>{_PARAGRAPHS}</body>"
    ),
    "a body of fixed height, and a margin at the end of what overflows it": (
        f"<!DOCTYPE html><html style='height:100%'><body style='margin:0;height:100%'>{_PARAGRAPHS}</body>"
    ),
    "a gap between the items of a flex or grid body": (
        f"<!DOCTYPE html><body style='display:flex;flex-direction:column;gap:10px'>{_COLUMNS}</body>"
    ),
    "free space shared among the items of a flex or grid body": (
        f"<!DOCTYPE html><body style='display:flex;justify-content:space-between'>{_COLUMNS}</body>"
    ),
    "a grid body with columns, where it takes a cell": (
        "<!DOCTYPE html><body style='display:grid;grid-template-columns:1fr 1fr 1fr;grid-auto-rows:40px'>"
        f"{_COLUMNS}</body>"
    ),
    "clear on what stands first, with a margin (initial pixel only)": (
        "<!DOCTYPE html><body><p style='clear:both'>Hello</p></body>"
    ),
    "a style that counts the body's children": (
        f"<head><style>body>:last-child{{margin-bottom:40px}}</style></head><body>{_PARAGRAPHS}</body>"
    ),
}
"""What a sender's style can still do to a pixel of this kind, by rule, with a body that shows it."""


def forms(html: str) -> dict[str, str]:
    """Return the mail wrapped in each of the forms, with the library's own pixels."""
    return {form: WRAPPER.wrap(html, {"id": "m-1"}, **options) for form, options in FORMS.items()}


def with_pixels(wrapped: str, pixels: Pixels) -> str:
    """Put other markup in place of the pixels' tags; where there are two, the first one is the initial pixel."""
    markup = list(pixels)

    def replaced(tag: re.Match[str]) -> str:
        return markup.pop().format(tag[1])

    count = len(_PIXEL.findall(wrapped))
    if count == 1:
        markup.pop()
    return _PIXEL.sub(replaced, wrapped)


def as_seen_by(client: str, markup: str) -> str:
    """Return a pixel's markup with what a client leaves of its style."""
    dropped = CLIENTS[client]
    return _STYLE.sub(lambda style: f' style="{dropped.sub("", style[1])}"', markup)


def seen(client: str, wrapped: str) -> str:
    """Return wrapped mail with what a client leaves of the pixels' style."""
    return _PIXEL.sub(lambda tag: as_seen_by(client, tag[0]), wrapped)
