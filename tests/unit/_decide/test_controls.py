"""Control attributes: which tags are read, and that the quick look at a tag misses none."""

from typing import cast

import pytest

from linkwrap import LinkPolicy
from linkwrap._decide.controls import REMOVED, Controls
from linkwrap._decide.decision import UNMARKED
from linkwrap._markup.source import open_source
from linkwrap.policy import OPT_OUTS, SENDERS


def test_opt_out_with_any_name_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """An opt-out is named in the policy alone: nothing else has to be changed for another name."""
    monkeypatch.setitem(cast("dict[str, tuple[str, str | None]]", OPT_OUTS), "mandrill", ("mc:leave", None))
    tag = "<a href=x MC:leave>"
    (mark,) = Controls(LinkPolicy()).read_marked(open_source(tag), [0], [len(tag)]).values()
    assert mark.draft.reason == "opted-out"


CONTROLS = Controls(LinkPolicy())


@pytest.mark.parametrize("sender", sorted(SENDERS))
def test_opt_out_is_read_in_any_case(sender: str) -> None:
    """A tag with a sender's opt-out is read, and counts only where that sender is honoured."""
    name, value = OPT_OUTS[sender]
    plain, tag = "<a href=x>", f'<a href=x {name.upper()}="{value or ""}">'
    source = open_source(plain + tag)
    starts, ends = [0, len(plain)], [len(plain), len(plain) + len(tag)]
    honoured = Controls(LinkPolicy(honour=[sender])).read_marked(source, starts, ends)
    assert {at: mark.draft.reason for at, mark in honoured.items()} == {1: "opted-out"}
    others = Controls(LinkPolicy(honour=SENDERS - {sender})).read_marked(source, starts, ends)
    assert all(mark.draft == UNMARKED for mark in others.values())


@pytest.mark.parametrize(
    ("opt_out", "attribute"),
    [
        ("data-no-track", "data-no-track"),
        ("data-no-track", 'DATA-No-Track="anything at all"'),
        ("notrack", "notrack=''"),
        ("X:Plain", "x:PLAIN"),
        ("@leave", "@leave"),
        (".mktNoTrack", "class=mktNoTrack"),
        (".mktNoTrack", 'CLASS="btn\tMKTNOTRACK big"'),
        (".plain", "class='&#112;lain plain'"),
        (".plain", "class='&#112;lain'"),
        (".plain", "class=plai&#x6E"),
        (".plain", "class=a&Tab;PL&#65;IN"),
        (".plain", "title='&amp;' class='&nbsp; &#112;lain'"),
        (".a&b", "class='a&amp;b'"),
        (".a&b", "class='a&b'"),
        ("class=\xe4", "class='b &auml;'"),
        ("class=\xe4", "class=&#228;"),
        (".fjord", "class=&fjlig;ord"),
        ("hstracking=false", "hstracking='f&#97;lse'"),
        (".md:w-1/2!", 'class="md:w-1/2!"'),
        ("hstracking=false", 'HsTracking="false"'),
        ("HsTracking=False", "hstracking=FALSE"),
        ("hstracking=false", 'hstracking=" false "'),
        ("rel=x y", 'rel="x y"'),
        ("title=Ä", 'title="&Auml;"'),
    ],
)
def test_own_opt_out_is_read(opt_out: str, attribute: str) -> None:
    """A sender's own markup counts beside that of others, whatever its name, in text, bytes and UTF-16."""
    controls = Controls(LinkPolicy(opt_outs=[opt_out]))
    tag = f"<a href=x {attribute}>"
    for html in (tag, tag.encode(), tag.encode("utf-16-le")):
        source = open_source(html, None if isinstance(html, str) else "utf-16le" if b"\0" in html else "utf-8")
        (mark,) = controls.read_marked(source, [0], [len(tag)]).values()
        assert (mark.draft.reason, mark.cuts) == ("opted-out", [])
        assert CONTROLS.read_marked(source, [0], [len(tag)]) in ({}, {0: (UNMARKED, [])})
    other = '<a href=x clicktracking="off">'
    assert controls.read_marked(open_source(other), [0], [len(other)])[0].draft.reason == "opted-out"


@pytest.mark.parametrize(
    ("opt_out", "attribute"),
    [
        ("data-no-track", "title=data-no-track"),
        ("data-no-track", "data-no-track-x"),
        (".mktNoTrack", 'class="mktNoTrack-x xmktNoTrack"'),
        (".mktNoTrack", "mktNoTrack id=mktNoTrack"),
        ("hstracking=false", "hstracking=true"),
        ("hstracking=false", "hstracking"),
        ("hstracking=false", 'hstracking="false true"'),
        ("tracking=\u212a", "tracking=k"),
        (".plain", "class='&amp;#112;lain' title='&#112;lain'"),
    ],
)
def test_other_markup_is_no_own_opt_out(opt_out: str, attribute: str) -> None:
    """Another attribute, class or value with the same characters does not count."""
    tag = f"<a href=x {attribute}>"
    found = Controls(LinkPolicy(opt_outs=[opt_out])).read_marked(open_source(tag), [0], [len(tag)])
    assert [mark for mark in found.values() if mark.draft.reason] == []


@pytest.mark.parametrize("name", sorted(REMOVED))
def test_removed_attribute_is_cut_out(name: str) -> None:
    """The span holds the attribute and the space before it."""
    tag = f'<a {name}="1" href=x>'
    (mark,) = CONTROLS.read_marked(open_source(tag), [0], [len(tag)]).values()
    assert [tag[start:end] for start, end in mark.cuts] == [f' {name}="1"']


def test_tags_without_marks_are_not_read() -> None:
    """A hint in a URL is no mark."""
    tag = '<a href="https://track.test/?data-x=1">'
    assert CONTROLS.read_marked(open_source(tag), [0], [len(tag)]) == {}


def test_first_link_name_counts() -> None:
    """Of the two names of the attribute, the one without the inner hyphen comes first."""
    attributes = {"data-msys-link-name": "second", "data-msys-linkname": "first"}
    assert CONTROLS.read(attributes).name == "first"
    assert CONTROLS.read({"data-msys-link-name": "second"}).name == "second"
