"""What `linkwrap.testing` promises of any markup."""

from hypothesis import given
from hypothesis import strategies as st

from linkwrap import LinkWrapper, SigningKeys
from linkwrap.testing import tracked_links, unwrap

KEYS = SigningKeys("a key for the tests of testing")
WRAPPER = LinkWrapper(KEYS, tracking_domain="click.acme.test", initial_open=True)
PIECES = [
    *"<>a/ ='\"!-[];&\n",
    "<a href=",
    "<!--[if mso]>",
    "<![endif]-->",
    "-->",
    "</body>",
    "<svg>",
    "<style>",
    "<v:x ",
]


@given(st.lists(st.sampled_from([*PIECES, "https://acme.test/x", "https://acme.test/?a=1&amp;b"]), max_size=30))
def test_unwrap_leaves_nothing_of_wrap(pieces: list[str]) -> None:
    """Whatever the markup, no redirect URL and no pixel is left, no link is missed, and the golden file is stable."""
    mail = "".join(pieces)
    wrapped = WRAPPER.wrap(mail)
    golden = unwrap(wrapped, KEYS)
    assert "click.acme.test" not in golden
    assert "<img" not in golden
    assert unwrap(mail, KEYS) == mail
    assert unwrap(WRAPPER.wrap(golden), KEYS) == golden
    links = [link for link in WRAPPER.compile(mail).links if link.wrapped]
    found = tracked_links(wrapped, KEYS)
    assert [(link.element, link.click.url) for link in found] == [(link.element, link.url) for link in links]
