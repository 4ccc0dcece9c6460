"""A wrapped mail looks like the mail before: pictures in real Chromium, equal byte for byte, pixels included.

By default a sample of the corpus is compared, under `make endurance` all of it: docs/concepts.md has the figures.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import pytest
from bs4.dammit import UnicodeDammit

from helpers import chromium
from helpers.effort import COMPLETE, ENDURANCE, count
from helpers.pictures import CASES, CLIENTS, EXCEPTIONS, PLAIN_PIXELS, WIDTHS, WRAPPER, forms, seen, with_pixels

Body = tuple[str, bytes, str | None]

SAMPLE = count(6, ci=12, endurance=1_000)
LEAST_EQUAL = 0.99

# Told at the end of a run: a busy machine may take the browser away, and the next one takes the picture.
pytestmark = pytest.mark.filterwarnings("default:Chromium was lost:RuntimeWarning")


@pytest.fixture(scope="module")
def camera() -> Iterator[chromium.Camera]:
    """Chromium, for this module alone: while it runs, its thread cannot start an event loop."""
    if reason := chromium.missing():
        pytest.skip(reason)
    with chromium.camera() as started:
        yield started


@pytest.fixture(scope="module")
def sample(corpus_bodies: Sequence[Body]) -> list[tuple[str, str]]:
    """Bodies from all over the corpus, with their names."""
    chosen = corpus_bodies[:: max(1, len(corpus_bodies) // SAMPLE)][:SAMPLE]
    return [(name, _text(data, charset)) for name, data, charset in chosen]


def _text(data: bytes, charset: str | None) -> str:
    return UnicodeDammit(data, [charset] if charset else [], is_html=True).unicode_markup or data.decode("latin-1")


def changed(camera: chromium.Camera, html: str, width: int) -> list[str]:
    """The forms of wrapping that change the picture."""
    before = camera.picture(html, width)
    return [form for form, wrapped in forms(html).items() if camera.picture(wrapped, width) != before]


def test_camera(camera: chromium.Camera) -> None:
    """The pictures show a shift of one pixel, the page's whole height, and that the pixels were loaded."""
    assert camera.picture("<p>Hello", 320) == camera.picture("<p>Hello", 320)
    assert camera.picture("<p>Hello", 320) != camera.picture("<p style='margin-left:1px'>Hello", 320)
    high = "<div style='height:3000px'></div>"
    assert camera.picture(high, 320) != camera.picture(high + "<div style='height:1px'></div>", 320)
    camera.picture(forms("<body>Hello</body>")["both"], 320)
    assert camera.pixels == 2


@pytest.mark.parametrize("command", ["Page.crash", "Browser.crash"])
def test_lost_browser(camera: chromium.Camera, command: Literal["Page.crash", "Browser.crash"]) -> None:
    """One that is lost is started anew, with a warning, and takes the same picture."""
    before = camera.picture("<p>Hello", 320)
    camera.crash(command)
    with pytest.warns(RuntimeWarning, match="Chromium was lost"):
        assert camera.picture("<p>Hello", 320) == before


@pytest.mark.parametrize("case", CASES)
def test_cases(camera: chromium.Camera, case: str) -> None:
    """Links and pixels move nothing in any kind of body."""
    widths = WIDTHS if COMPLETE or ENDURANCE else WIDTHS[:1]
    assert [(width, changed(camera, CASES[case], width)) for width in widths] == [(width, []) for width in widths]


@pytest.mark.parametrize("rule", EXCEPTIONS)
def test_exceptions(camera: chromium.Camera, rule: str) -> None:
    """What is documented as an exception is one, for the pixels alone."""
    expected = ["both"] if "initial" in rule else ["open", "both"]
    assert changed(camera, EXCEPTIONS[rule], 600) == expected


@pytest.mark.parametrize("width", WIDTHS)
def test_corpus(camera: chromium.Camera, sample: list[tuple[str, str]], width: int) -> None:
    """Links and pixels move nothing in real mail."""
    found = {name: forms_changed for name, html in sample if (forms_changed := changed(camera, html, width))}
    assert not any("links" in forms_changed for forms_changed in found.values()), found
    assert len(found) <= len(sample) * (1 - LEAST_EQUAL), found


@pytest.mark.parametrize("client", [name for name in CLIENTS if name != "whole"])
def test_clients_that_drop_styles(camera: chromium.Camera, sample: list[tuple[str, str]], client: str) -> None:
    """Where a client drops some of the pixels' style, no more bodies change than with plain pixels."""
    bodies = sample if COMPLETE or ENDURANCE else sample[:3]
    ours = plain = 0
    for _, html in bodies:
        before = camera.picture(html, 600)
        for wrapped in (forms(html)["open"], forms(html)["both"]):
            ours += camera.picture(seen(client, wrapped), 600) != before
            plain += camera.picture(seen(client, with_pixels(wrapped, PLAIN_PIXELS)), 600) != before
    assert ours <= plain


def test_amp(camera: chromium.Camera) -> None:
    """An AMP document gets one pixel, at its end, which shows nothing."""
    html = "<!doctype html><html ⚡4email><head></head><body><p>Hello</p></body></html>"
    wrapped = forms(html)["both"]
    assert wrapped.count("<amp-img") == 1
    assert wrapped.endswith("</amp-img></body></html>")
    assert "<img" not in wrapped
    assert WRAPPER.wrap(wrapped, initial_open=True) == wrapped
    assert changed(camera, html, 600) == []
