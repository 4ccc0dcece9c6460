"""What holds of the scanner on any text: hypothesis puts hostile pieces together and shrinks what fails."""

from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.effort import count
from helpers.generator import PIECES, fill
from helpers.oracles import Pairs, compare, read_html5lib
from linkwrap._markup.scan import LinkTag, scan
from linkwrap._markup.tokenizer import decode_references

settings.register_profile("links", max_examples=count(200, ci=4_000, endurance=4_000), deadline=None)
each_document = settings(settings.get_profile("links"))

# Lone surrogates are in no document that a parser of bytes can be given.
_characters = st.characters(exclude_categories=["Cs"])
_hostile = st.text(st.sampled_from("<>/!-=\"'?[]&; \t\n\f\r\0aAbhrefHREF") | _characters, max_size=5)
documents = st.lists(st.sampled_from(PIECES) | _hostile, max_size=14).map(fill)


def live_links(text: str) -> Pairs:
    """linkwrap's live links as (element, decoded href)."""
    return [
        (link.element, decode_references(text[link.start : link.end]))
        for link in scan(text).links
        if not link.conditional
    ]


@given(documents)
@each_document
def test_parsers_agree(text: str) -> None:
    """html5lib and Lexbor find the same live links."""
    assert compare(text, live_links(text)).faults == ()


@given(documents)
@each_document
def test_base(text: str) -> None:
    """The base is the href of the first <base> that html5lib sees with one."""
    html5lib = read_html5lib(text)
    base = scan(text).base
    if not html5lib.departures and not html5lib.implied:
        assert html5lib.base == (None if base is None else decode_references(text[slice(*base)]))


@given(documents)
@each_document
def test_conditional_comment(text: str) -> None:
    """A conditional comment's inside has the links that it has as a document, told as conditional."""
    inside = text.replace("-", "") + "<![endif]"
    links = scan(f"<!--[if mso]>{inside}--><a href=end>").links
    at = len("<!--[if mso]>")
    assert [link._replace(conditional=False) for link in links[:-1]] == [
        LinkTag(link.element, link.start + at, link.end + at, False, link.tag_start + at, link.tag_end + at)
        for link in scan(inside).links
    ]
    assert all(link.conditional for link in links[:-1])
    assert not links[-1].conditional


@given(st.text() | st.text("<>/!-=\"' aahref") | documents)
@each_document
def test_positions(text: str) -> None:
    """Every link's positions lie in its tag, whatever the text, and tags follow each other without overlapping."""
    links = scan(text).links
    for link in links:
        assert 0 <= link.tag_start < link.start <= link.end < link.tag_end <= len(text)
        assert text[link.tag_start + 1 : link.start].replace("\0", "\ufffd").lower().startswith(link.element.lower())
        assert text[link.tag_end - 1] == ">"
    for before, after in pairwise(links):
        assert before.tag_end <= after.tag_start


@given(documents)
@example("<a href=1><a href='2'>")
@each_document
def test_replacing_values(text: str) -> None:
    """With each value replaced by a URL, quotes left as they are, exactly these URLs are the links, in their places."""
    found = scan(text).links
    parts = []
    at = 0
    for number, link in enumerate(found):
        if link.start < link.end:
            parts += [text[at : link.start], f"https://r.test/f/a/{number}"]
            at = link.end
    replaced = "".join([*parts, text[at:]])
    values = [f"https://r.test/f/a/{number}" if link.start < link.end else "" for number, link in enumerate(found)]
    after = scan(replaced).links
    assert [replaced[link.start : link.end] for link in after] == values
    assert [(link.element, link.conditional) for link in after] == [(link.element, link.conditional) for link in found]


@given(documents)
@each_document
def test_pixel_place(text: str) -> None:
    """A tag put at the pixel's place is live, and changes nothing else."""
    at = scan(text).pixel_at
    with_pixel = f'{text[:at]}<area href="pixel">{text[at:]}'
    links = live_links(with_pixel)
    assert compare(with_pixel, links).faults == ()
    assert ("area", "pixel") in links
    links.remove(("area", "pixel"))
    assert links == live_links(text)
