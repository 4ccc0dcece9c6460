"""Warnings about a document as a whole."""

import pytest

from linkwrap._decide.warnings import document_warnings

MJML = '<mjml><mj-body><mj-button href="https://acme.test/">Shop</mj-button></mj-body></mjml>'


@pytest.mark.parametrize(
    "source",
    [
        MJML,
        MJML.encode(),
        "\ufeff" + MJML,
        b"\xef\xbb\xbf" + MJML.encode(),
        MJML.encode("utf-16"),
        MJML.encode("utf-16-be"),
        "\n  <mjml lang='en'>\n",
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE mjml>' + MJML,
        "<!-- a newsletter: <a href=x> --><!----><!---><!-->" + MJML,
        "<!-- -- --!>" + MJML,
        "{% set name = 'Ada' %}{% if 1 < 2 %}" + MJML,
        "<MJML>",
        "<mj-section><mj-column>",
    ],
)
def test_mjml_source_is_told(source: str | bytes) -> None:
    """Source of MJML is recognised by its first element, whatever stands before it."""
    (warning,) = document_warnings(source)
    assert "MJML source: compile it to HTML first" in warning


@pytest.mark.parametrize(
    "source",
    [
        "",
        b"",
        "mjml",
        "<",
        "<mjml",
        "<!-- <mjml> -->",
        "<!-- never closed <mjml>",
        "<!--<mjml>--",
        "<![CDATA[<mjml>]]><p>",
        "</mjml>",
        "<?mjml><p>",
        "<p>Write <mjml>, not <mj-body></p>",
        "<!DOCTYPE html><html><body><mjml></mjml></body></html>",
        "<mjmlx>",
        "<mjx-container>",
        '<a title="<mjml>" href="https://acme.test/">',
        "< mjml>",
        b"\xff\xfe<\0p\0>\0<\0m\0j\0m\0l\0>\0",
    ],
)
def test_html_is_not_mjml(source: str | bytes) -> None:
    """A document whose first element is HTML has no warning, even if it speaks of MJML."""
    assert document_warnings(source) == []


def test_compiled_mjml_is_html() -> None:
    """The comments that the compiler leaves at the top, and its doctype, are not MJML."""
    assert document_warnings("<!-- FILE: mail.mjml -->\n<!doctype html>\n<html><head><!--[if mso]><xml>") == []


@pytest.mark.parametrize(
    "piece", ["<!--", "<!-- -", "<!-- -->", "<", "</", "<?", "<!", "-->", "<!---", "a", "<!-- -- "]
)
def test_takes_linear_time(piece: str) -> None:
    """A hostile beginning costs no more than reading it; in quadratic time, this test would take hours."""
    assert document_warnings(piece * 4_000_000) == []
