"""Properties of plain text, over texts and bytes made up of what is hard about them."""

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from linkwrap import LinkTemplate, LinkWrapper, Resolver, SigningKeys
from linkwrap._decide.destination import read_destination

KEYS = SigningKeys("a key for the properties of text")
WRAPPER = LinkWrapper(KEYS, tracking_domain="click.acme.test")
SENT_AT = datetime(2026, 11, 1, tzinfo=UTC)

BRACKETS = re.compile(r"""\[\[(?:"[^"\r\n]*"|'[^'\r\n]*'|[^"'\r\n])*?\]\]""", re.ASCII)
REDIRECT = r"https://click\.acme\.test/f/[\w-]+/2[\w-]+\.[\w-]+\.[\w-]{22}"
# What is read on as the URL, and what a redirect URL does not work with.
GLUED = re.compile(rf"{REDIRECT}[.,;:!?'|…’]*[\w/(\[@#%&=+~*$^\\-]")
BROKEN = re.compile(rf"{REDIRECT}(?:[\w/%-]|;[.,;:!?'|…’]*[\w/(\[@#%&=+~*$^\\-])")

# What a URL consists of, what ends it, what may be cut off from it, and the bracket syntax, well-formed and not.
PIECES = [
    *("https://", "HTTP://", "a.test", "/", "?q=", "#", "x", "%20", "@", ":80", "//", "www.", "é", "日本", "‌"),
    *("(", ")", "[", "]", "{", "}", "<", ">", '"', "'", "`", "|", "*", "$", "\\", "^", "~", "_", "-"),
    *(".", ",", ";", ":", "!", "?", "…", "’", "“", "»", "。", "、", "」", "（", "।", "،"),
    *(" ", "\t", "\n", "\r\n", "\r", " \r\n> ", "\xa0", "\u3000", "\u200b", "\u2069", "\ufeff", "\0", "\x85"),
    *("{{", "}}", "{%", "%}", "<%", "%>", "*|", "|*", "%%", "${", "[[", "]]", "https://a.test/x", "https://a.test"),
    *("<?", "?>", "[%", "%]", "((", "))", "[a:", "[1]", "##", "{id}", "((a b))", "[a: b]", ",https://b.test"),
    *('[[data-msys-linkname="n"]]', "[[data-msys-sublink=s]]", '[[data-msys-linkname="', " data-msys-sublink='s'"),
]
OPT_OUT = '[[data-msys-clicktrack="0"]]'
CONTROLS = [*PIECES[-4:], OPT_OUT]


def words(pieces: list[str], controls: list[str]) -> st.SearchStrategy[str]:
    """Texts in which URLs are frequent, and brackets behind them."""
    piece = st.sampled_from(pieces)
    tail = st.lists(piece, max_size=4).map("".join)
    url = st.builds("{}https://a.test/{}{}{}".format, piece, tail, st.sampled_from(["", *controls]), piece)
    return st.lists(piece | url, max_size=12).map("".join)


texts = words(PIECES, PIECES[-4:])
all_texts = words([*PIECES, OPT_OUT], CONTROLS) | st.lists(st.sampled_from(PIECES) | st.text(max_size=3)).map("".join)
CHARSETS = ["utf-8", "utf-16-le", "utf-16-be", "shift_jis", "euc-jp", "gb18030", "big5", "euc-kr", "windows-1252"]
SHIFTED = ["iso-2022-jp", "iso-2022-kr", "iso-2022-cn", "hz-gb-2312"]


def pieces(template: LinkTemplate[str]) -> list[str]:
    """The source between its links, and the links themselves, in turn."""
    cut, position = [], 0
    for link in template.links:
        assert link.start is not None
        assert link.end is not None
        cut += [template.source[position : link.start], template.source[link.start : link.end]]
        position = link.end
    return [*cut, template.source[position:]]


@given(all_texts)
def test_all_but_urls_and_brackets_survives(text: str) -> None:
    """Between two links the text is the same, but for brackets directly behind the first; so are links left alone."""
    template = WRAPPER.compile_text(text)
    parts = pieces(template)
    pattern = ""
    for number, part in enumerate(parts):
        if number % 2:
            pattern += REDIRECT if template.links[number // 2].wrapped else re.escape(part)
        else:
            brackets = BRACKETS.match(part) if number else None
            pattern += f"(?:{re.escape(part)}" + (rf"|{_less_brackets(part)})" if brackets else ")")
    assert re.fullmatch(pattern, WRAPPER.render(template), re.ASCII)
    assert [link.href for link in template.links] == parts[1::2]


def _less_brackets(part: str) -> str:
    """What may be left of a text: without one or more brackets at its start."""
    rests = []
    rest = part
    while match := BRACKETS.match(rest):
        rest = rest[match.end() :]
        rests.append(re.escape(rest))
    return "|".join(rests)


@given(all_texts)
def test_urls_lead_where_they_led(text: str) -> None:
    """Each redirect URL resolves to the destination that a browser reads in the URL of the text."""
    template = WRAPPER.compile_text(text)
    urls = WRAPPER.urls(template)[:-2]
    wrapped = [link for link in template.links if link.wrapped]
    assert [Resolver(KEYS).resolve_click(url).url for url in urls] == [
        read_destination(link.href)[0] for link in wrapped
    ]


@given(texts)
def test_wrapping_twice_changes_nothing(text: str) -> None:
    """Each URL of a wrapped text is found as it was put in; only an opt-out is gone with its brackets."""
    once = WRAPPER.wrap_text(text)
    assert WRAPPER.wrap_text(once) == once or GLUED.search(once)


@given(all_texts)
def test_no_url_of_a_wrapped_text_is_broken_by_what_follows(text: str) -> None:
    """What is behind a redirect URL ends it in every client, or is ignored by the redirect server."""
    assert not BROKEN.search(WRAPPER.wrap_text(text))


@given(texts)
def test_what_ends_no_authority_is_not_glued(text: str) -> None:
    """Only behind an authority, and before the next URL, does a text go on that clients may read as part of a URL."""
    if not re.search(r"//[^/\s]*+(?<!a\.test)(?!/)|a\.test(?!/)|,http", text, re.IGNORECASE):
        assert not GLUED.search(WRAPPER.wrap_text(text))


@given(all_texts)
def test_click_tracking_off_removes_nothing_but_brackets(text: str) -> None:
    """Without click tracking only the brackets go that are behind a URL."""
    template = WRAPPER.compile_text(text)
    sent = WRAPPER.render(template, click_tracking=False)
    assert BRACKETS.sub("", sent) == BRACKETS.sub("", text) or "data-msys" in text
    if "data-msys" not in text:
        assert sent == text


@given(
    st.from_regex(r"https?://[a-z]+\.test(/[a-zA-Z0-9_.,;:!'()\[\]=&+~-]*[a-zA-Z0-9/])?", fullmatch=True),
    st.sampled_from(
        [("<", ">"), ("(", ")"), ("[", "]"), ("„", "“"), ("「", "」"), ("", ""), ("> ", " \r\n"), ('"', '"')]
    ),
    st.text(alphabet=".,;:!?", max_size=3),
)
def test_url_between_delimiters_is_found_whole(url: str, delimiters: tuple[str, str], punctuation: str) -> None:
    """A URL whose own brackets are balanced is what is linked, whatever stands around it."""
    bare = url
    while (less := re.sub(r"\([^()\[\]]*\)|\[(?!\[)[^()\[\]]*\]", "", bare)) != bare:
        bare = less
    if re.search(r"[()\[\]]", bare) or "[[" in url:
        return
    text = f"a {delimiters[0]}{url}{delimiters[1]}{punctuation} b"
    assert [link.href for link in WRAPPER.compile_text(text).links] == [url]


@given(texts, st.sampled_from(CHARSETS))
def test_bytes_come_out_as_text_does(text: str, charset: str) -> None:
    """What a charset can write is wrapped in it as in a `str`, to the byte."""
    data = text.encode(charset, "ignore")
    said = data.decode(charset)
    if said.encode(charset) == data and "http" in said.lower():
        sent = WRAPPER.wrap_text(data, encoding=charset, sent_at=SENT_AT)
        assert sent == WRAPPER.wrap_text(said, sent_at=SENT_AT).encode(charset)


@given(
    st.lists(st.binary(max_size=4) | st.sampled_from(PIECES).map(str.encode), max_size=20).map(b"".join),
    st.sampled_from([None, *CHARSETS, *SHIFTED]),
)
def test_any_bytes_survive(data: bytes, charset: str | None) -> None:
    """Bytes that are invalid or say nothing are cut at no wrong place: outside of links and brackets all comes out."""
    template = WRAPPER.compile_text(data, encoding=charset)
    sent, position, at = WRAPPER.render(template, sent_at=SENT_AT), 0, 0
    urls = iter(WRAPPER.urls(template, sent_at=SENT_AT))
    for link in template.links:
        assert link.start is not None
        assert link.end is not None
        before = data[position : link.start]
        while not sent.startswith(before, at):
            before = before[before.index(b"]") + 1 :]
        at += len(before)
        url = next(urls).encode(template._compiled.charset or "ascii") if link.wrapped else data[link.start : link.end]
        assert sent.startswith(url, at)
        at += len(url)
        position = link.end
    assert data[position:].endswith(sent[at:])
    if b"[[" not in data:
        assert sent[at:] == data[position:]
