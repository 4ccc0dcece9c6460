"""Messages of any bytes: nothing raises, only bodies change, and parts are where the standard library has them."""

import quopri
import re

from hypothesis import given
from hypothesis import strategies as st

from helpers.mail import METADATA, SENT_AT, WRAPPER, content, defects, leaves, parse, put_back
from linkwrap._compiled import Filling
from linkwrap._markup.encodings import codec_of_label
from linkwrap._mime.quoted import MAX_QUOTED_LINE, Quoted, decode_quoted, quote
from linkwrap._mime.structure import Part, read_bytes
from linkwrap._mime.transfer import decode, read_mechanism

LINK = '<a href="https://shop.test/?a=1&amp;b=2" data-msys-linkname="Shop">x</a>'
HEADERS = [
    "Content-Type: multipart/mixed; boundary=a",
    'Content-Type: multipart/alternative; boundary="b"',
    "Content-Type: multipart/related; boundary=a b",
    "Content-Type: multipart/digest; boundary=b",
    "Content-Type: multipart/mixed",
    "Content-Type: text/html",
    "Content-Type: text/html; charset=utf-8",
    "Content-Type: text/plain; charset=utf-16",
    "Content-Type: text/x-amp-html",
    "Content-Type: message/rfc822",
    "Content-Type: text/html; name=x",
    "Content-Transfer-Encoding: base64",
    "Content-Transfer-Encoding: Quoted-Printable",
    "Content-Transfer-Encoding: 8bits;",
    "Content-Disposition: attachment",
    "Subject: \xe9",
    "Folded: x\n\ty",
    "From x",
    ": y",
    "no header",
]
BODIES = [
    LINK,
    LINK.replace("=", "=3D"),
    "PGEgaHJlZj0iaHR0cDovL3gudGVzdC8iPng8L2E+",
    "https://shop.test/x",
    "=\n",
    "text\xff",
]
LINES = ["--a", "--a--", "--b", "--b--", "--ab", "--a ", "", "", *HEADERS, *BODIES]
ENDS = ["\n", "\n", "\n", "\r\n", "\r", ""]
# An mbox line behind headers, where it loses the empty line that follows, and a header that it takes for the body.
ODD_LINE = re.compile(rb"\nFrom |^[!-9;-~]+[\t ]+:", re.MULTILINE)

lines = st.tuples(st.sampled_from(LINES), st.sampled_from(ENDS)).map("".join)
hostile = st.lists(lines, max_size=30).map("".join)


@st.composite
def parts(draw: st.DrawFn, depth: int = 0) -> str:
    """A part that is in order, more or less: headers, a blank line, and a body or parts."""
    head = draw(st.lists(st.sampled_from(HEADERS[5:-2]), max_size=2, unique=True))
    if depth < 3 and draw(st.booleans()):
        boundary = draw(st.sampled_from(["a", "b", "ab"])) + str(depth)
        inside = draw(st.lists(parts(depth=depth + 1), max_size=3))
        subtype = draw(st.sampled_from(["mixed", "alternative", "related"]))
        start = "".join(f"--{boundary}\n{part}\n" for part in inside)
        close = draw(st.sampled_from([f"--{boundary}--\n", f"--{boundary}--", ""]))
        return "\n".join([f"Content-Type: multipart/{subtype}; boundary={boundary}", *head, "", start + close])
    return "\n".join([*head, "", draw(st.sampled_from(BODIES))])


messages = st.one_of(parts(), hostile, st.text("\r\n-=:ab \xe9", max_size=40)).map(lambda text: text.encode("latin-1"))


def tree(part: Part, raw: bytes) -> object:
    """The parts as they were cut here."""
    if part.children is not None:
        return part.content_type, [tree(child, raw) for child in part.children]
    if part.content_type.startswith("message/"):
        return part.content_type
    return part.content_type, raw[slice(*part.span)]


def is_read_differently(raw: bytes) -> bool:
    """Whether a part is not read here, or its headers have lines that the standard library reads in its own way."""
    parts = [*read_bytes(raw).walk()]
    return any(part.broken or ODD_LINE.search(raw, part.head[0], part.span[0] + len("From ")) for part in parts)


def parsed_tree(message: object) -> object:
    """The same as the standard library has it."""
    payload = message.get_payload()  # type: ignore[attr-defined]
    kind = message.get_content_type()  # type: ignore[attr-defined]
    if kind.startswith("multipart/") and isinstance(payload, list):
        return kind, [parsed_tree(child) for child in payload]
    return kind if kind.startswith("message/") else (kind, payload.encode("latin-1"))


@given(messages)
def test_parts_are_where_the_standard_library_has_them(raw: bytes) -> None:
    """Where a message can be read in one way, each part is the bytes that the standard library's parser gives it."""
    if not is_read_differently(raw):
        assert tree(read_bytes(raw), raw) == parsed_tree(parse(raw))


@given(messages, st.booleans())
def test_any_message_is_wrapped_or_handed_back(raw: bytes, text: bool) -> None:
    """Parts that are kept are the same to the byte, wrapped ones but for URLs and pixels, and twice is as once."""
    template = WRAPPER.compile_message(raw, text=text)
    wrapped = WRAPPER.render(template, METADATA, sent_at=SENT_AT)
    assert WRAPPER.wrap_message(wrapped, METADATA, text=text, sent_at=SENT_AT) == wrapped
    if all(part.action == "kept" for part in template.parts):
        assert wrapped == raw
        return
    before, after = parse(raw), parse(wrapped)
    assert defects(after) == defects(before)
    if is_read_differently(raw):
        return
    for part, old, new in zip(template.parts, leaves(before), leaves(after), strict=True):
        if part.action == "kept":
            assert new.as_string() == old.as_string()
            continue
        mechanism = read_mechanism(part.transfer_encoding)
        assert mechanism is not None
        assert part.template is not None
        assert part.template.source == decode(str(old.get_payload()).encode("latin-1"), mechanism)
        if "base64" not in str(old["content-transfer-encoding"]):
            name = b' data-msys-linkname="Shop"'
            assert put_back(content(new), part).replace(name, b"") == content(old).replace(name, b"")


@given(messages)
def test_message_without_tracking_is_the_same(raw: bytes) -> None:
    """With clicks and opens off, the very bytes come out."""
    untracked = WRAPPER.wrap_message(raw, click_tracking=False, open_tracking=False, initial_open=False)
    assert untracked == raw


html = st.lists(
    st.sampled_from(
        [
            LINK,
            LINK.replace("a href", "a\r\nhref"),
            LINK.replace("a href", 'a data-msys-sublink="s" href'),
            "<body>",
            "</body>",
            "ü€",
            " ",
            "\t",
            "\n",
            "\r\n",
            "-",
            ".",
            "=",
            "x" * 70,
            "<!--",
        ]
    )
).map("".join)


@given(html, st.sampled_from([b"\n", b"\r\n"]), st.booleans(), st.booleans(), st.booleans())
def test_quoted_printable_is_changed_in_place(text: str, end: bytes, clicks: bool, opens: bool, initial: bool) -> None:
    """What is filled in reads as the filled template; no line gets too long, and unchanged content unchanged bytes."""
    source = text.encode()
    raw = quote(source, end)
    assert decode_quoted(raw) == quopri.decodestring(raw) == source
    compiled = WRAPPER.compile(source, encoding="utf-8")._compiled
    urls = [f"https://click.acme.test/{number}" * 9 for number in range(len(compiled.slots))] if clicks else None
    filling = Filling(urls, '<img src="open">' if opens else "", '<img src="initial">' if initial else "")
    filled = Quoted(raw, compiled, end).fill(filling)
    expected = compiled.fill(filling)
    assert decode_quoted(filled) == quopri.decodestring(filled) == expected
    assert all(len(line) <= MAX_QUOTED_LINE for line in filled.splitlines())
    if expected == source:
        assert filled == raw


@given(st.binary(max_size=300), st.booleans())
def test_anything_can_be_quoted(data: bytes, lines: bool) -> None:
    """Any bytes come back from quoted-printable, in short lines of printable ASCII that begin with no dash or dot."""
    quoted = quote(data, b"\r\n", lines=lines)
    assert quopri.decodestring(quoted) == decode_quoted(quoted) == data
    assert re.fullmatch(rb"[\t\n\r -~]*", quoted)
    assert all(len(line) <= MAX_QUOTED_LINE for line in quoted.split(b"\n"))
    assert not re.search(rb"^[-.]|[\t ]$", quoted.replace(b"\r\n", b"\n"), re.MULTILINE)


@given(st.text("=\n\r \t3DAazü<", max_size=60))
def test_wrong_quoted_printable_is_read_one_way(text: str) -> None:
    """Text that is not encoded right is filled in where the template has its slots."""
    raw = text.encode()
    compiled = WRAPPER.compile(decode_quoted(raw), encoding="utf-8")._compiled
    filled = Quoted(raw, compiled, b"\n").fill(Filling([], "<img>"))
    assert decode_quoted(filled) == compiled.fill(Filling([], "<img>"))
    assert Quoted(raw, compiled, b"\n").fill(Filling([])) == raw


@given(st.text(max_size=40))
def test_any_charset_is_taken(label: str) -> None:
    """Whatever a part calls its charset, its bytes are kept."""
    head = "Content-Type: text/html; charset=" + label.replace("\r", "").replace("\n", "") + "\n\n"
    raw = head.encode("utf-8", "replace") + LINK.encode()
    wrapped = WRAPPER.wrap_message(raw, METADATA, click_tracking=False, open_tracking=False)
    assert wrapped == raw
    assert codec_of_label(label) is None or WRAPPER.compile_message(raw).parts[0].action == "wrapped"
