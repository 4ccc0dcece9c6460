"""AMP for Email: documents that say so get pixels that AMP allows, and only over https."""

import pytest

from linkwrap import LinkWrapper, SigningKeys, TrackingDomain
from linkwrap._pixels import AMP_PIXEL

WRAPPER = LinkWrapper(SigningKeys("the key of the AMP tests"), tracking_domain="click.acme.test", initial_open=True)
PIXEL = AMP_PIXEL.partition("{}")[0]
BODY = "<head></head><body><a href=https://shop.test/>x</a></body></html>"


@pytest.mark.parametrize(
    "start",
    [
        "<html ⚡4email>",
        "<html ⚡\ufe0f4email lang=en>",
        "<HTML lang='en' AMP4EMAIL>",
        "\ufeff<!doctype html>\n<!-- <html> -->\n<html amp4email>",
        "<?xml version='1.0'?><html amp4email=''>",
    ],
)
@pytest.mark.parametrize("charset", [None, "utf-8", "utf-16"])
def test_amp_document(start: str, charset: str | None) -> None:
    """It gets one pixel, AMP's own, at the end, in text and bytes alike; wrapped twice is as wrapped once."""
    text = start + BODY
    document = text if charset is None else text.removeprefix("\ufeff").encode(charset)
    wrapped = WRAPPER.wrap(document)
    read = wrapped if isinstance(wrapped, str) else wrapped.decode(charset or "")
    assert (read.count(PIXEL), read.count("<img")) == (1, 0)
    assert read.index(PIXEL) > read.index("</a>")
    assert WRAPPER.wrap(wrapped) == wrapped


@pytest.mark.parametrize(
    "start",
    [
        "<html>",
        "<html lang=⚡4email>",
        "<html data-amp4email>",
        "<!-- <html amp4email> --><html>",
        "<p amp4email><html>",
    ],
)
def test_other_document(start: str) -> None:
    """What only mentions the mark is HTML."""
    wrapped = WRAPPER.wrap(start + BODY)
    assert (wrapped.count(PIXEL), wrapped.count("<img")) == (0, 2)


def test_no_pixel_over_http() -> None:
    """AMP loads nothing over http, so such a domain's links are wrapped and its pixels left out."""
    domain = TrackingDomain("click.acme.test", secure=False, verified=True)
    wrapped = WRAPPER.wrap("<html amp4email>" + BODY, tracking_domain=domain)
    assert "http://click.acme.test/f/" in wrapped
    assert "/q/" not in wrapped


def test_slots_of_an_amp_document() -> None:
    """A merge engine gets AMP's pixel too, and no initial one."""
    template = WRAPPER.compile("<html amp4email>" + BODY)
    slotted = template.slotted(lambda number: f"{{{{ urls[{number}] }}}}", initial_open=True)
    assert slotted.count(PIXEL) == slotted.count(PIXEL + "{{ urls[1] }}") == 1


def test_body_that_is_closed_before_it_opens() -> None:
    """A `<body>` behind the last `</body>` gets no pixel of its own, and nothing is written twice."""
    html = "x</body><a href=https://shop.test/>y</a><body>z"
    assert WRAPPER.wrap(html, click_tracking=False, open_tracking=False) == html
    wrapped = WRAPPER.wrap(html, click_tracking=False)
    assert wrapped.startswith('x<img border="0"')
    assert wrapped.endswith(html[1:])
    assert wrapped.count("<img") == 1
