"""What holds for every token: it comes back as it went in, or it is refused, and nothing else ever happens."""

import json
import re
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from helpers import tokens
from linkwrap._token import wire
from linkwrap._token.packing import CONTEXT, LINK, MAX_GROWTH, MAX_INDEX, MAX_TIME, Alphabet
from linkwrap._token.wire import MAX_ACCOUNT_ID, MAX_LINK_NAME, MAX_METADATA, Token
from linkwrap.errors import InvalidToken, OptionError
from linkwrap.keys import SigningKeys
from linkwrap.link import Part

KEYS = SigningKeys("a key for the properties")
HOST = "click.acme.test"
BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
MESSAGE = wire.encode_context("acme", 1_764_000_000, {"message_id": "m-1", "rcpt": "r-42"})
CLICK = tokens.click_urls(KEYS, "", HOST, MESSAGE, [(wire.encode_link("https://shop.example/a?b=1"), "a")])[0]

# Text of any kind, surrogates and controls included, and text that is full of the words of the format.
any_text = st.text(st.characters(), max_size=200)
words = [
    alphabet.unpack(capital)
    for alphabet, capitals in ((LINK, "ABCDEFGHIJKLMNOPQRSTVWY"), (CONTEXT, "ABCDEFGHIJKLMNOPQRST"))
    for capital in capitals
]
wordy_text = st.lists(st.sampled_from([*words, *(word[:-1] for word in words)]) | any_text, max_size=30).map("".join)
texts = any_text | wordy_text
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
parts = st.text(BASE64URL, max_size=60)


def from_json(value: Any) -> Any:
    """The value as JSON has it: a surrogate pair becomes the character that it stands for."""
    return json.loads(json.dumps(value))


def size(text: str) -> int:
    """Bytes of UTF-8, lone surrogates included."""
    return len(text.encode("utf-8", "surrogatepass"))


@given(
    url=texts,
    name=st.none() | texts.filter(lambda name: size(name) <= MAX_LINK_NAME),
    unsubscribe=st.booleans(),
    sublink=st.from_regex(re.compile(r"[\w-]{1,64}", re.ASCII), fullmatch=True),
    account_id=texts.filter(lambda account_id: size(account_id) <= MAX_ACCOUNT_ID),
    sent_at=st.integers(0, MAX_TIME),
    part=st.sampled_from(get_args(Part)),
    index=st.integers(0, MAX_INDEX),
    anonymous=st.booleans(),
)
@example(url="", name="", unsubscribe=True, sublink="a", account_id="", sent_at=0, part="url", index=0, anonymous=True)
def test_click_comes_back(
    url: str,
    name: str | None,
    unsubscribe: bool,
    sublink: str,
    account_id: str,
    sent_at: int,
    part: Part,
    index: int,
    anonymous: bool,
) -> None:
    """Every destination, name, place, account and time comes back from its redirect URL."""
    context = wire.encode_context(account_id, sent_at, None, anonymous=anonymous)
    slot = wire.slot(sublink, part, index, wire.encode_link(url, name, unsubscribe))
    (path,) = wire.message_urls(KEYS, "", HOST, context, [slot])
    url, name, account_id = from_json([url, name, account_id])
    number = None if part == "url" else index
    expected = Token(
        "click", url, name, unsubscribe, sublink, False, part, number, account_id, {}, sent_at, anonymous, path
    )
    assert wire.read(KEYS, HOST, path) == expected


@given(metadata=st.dictionaries(texts, json_values, max_size=5), initial=st.booleans())
def test_metadata_comes_back_or_is_refused_for_its_size(metadata: dict[str, Any], initial: bool) -> None:
    """Metadata within the bound comes back as from JSON, and only what is over the bound is refused."""
    length = size(json.dumps(metadata, separators=(",", ":"), ensure_ascii=False))
    try:
        context = wire.encode_context("acme", 0, metadata)
    except OptionError:
        assert length > MAX_METADATA
    else:
        assert length <= MAX_METADATA
        path = tokens.open_url(KEYS, "", HOST, context, initial=initial)
        found = from_json(metadata)
        expected = Token("open", "", None, False, None, initial, "html", None, "acme", found, 0, False, path)
        assert wire.read(KEYS, HOST, path) == expected


@given(
    st.one_of(
        any_text,
        st.binary(max_size=200).map(lambda data: data.decode("latin-1")),
        st.text(BASE64URL + "./%~", max_size=200).map("/f/a/2".__add__),
        st.tuples(st.sampled_from(["/f/a/2", "/q/2", "/f/%61/2"]), parts, parts, parts).map(
            lambda found: found[0] + ".".join(found[1:])
        ),
    ),
    st.sampled_from([HOST, "", "\ud800"]),
)
def test_arbitrary_path_is_only_ever_an_invalid_token(path: str, host: str) -> None:
    """Whatever a stranger requests, the answer is `InvalidToken`, in a few words that are not the stranger's."""
    with pytest.raises(InvalidToken) as raised:
        wire.read(KEYS, host, path)
    assert raised.value.reason in ("malformed", "signature")
    assert len(str(raised.value)) < 100


@given(
    position=st.integers(0, len(CLICK)),
    removed=st.integers(0, 3),
    added=st.text(BASE64URL + "./;%=", max_size=3) | st.text(max_size=3),
)
def test_edited_path_is_refused(position: int, removed: int, added: str) -> None:
    """No edit of a path survives, but for one that leaves it as it was, or adds a rest behind it."""
    edited = CLICK[:position] + added + CLICK[position + removed :]
    try:
        token = wire.read(KEYS, HOST, edited)
    except InvalidToken:
        assert edited != CLICK
    else:
        decoded = re.sub("%([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), edited)
        assert decoded.startswith(CLICK)
        rest = decoded.removeprefix(CLICK)
        assert rest in ("", "/") or (rest[0] not in BASE64URL + "/;" and len(rest) <= 512)
        assert token == wire.read(KEYS, HOST, CLICK)


@given(
    encoded=st.lists(st.booleans(), min_size=len(CLICK), max_size=len(CLICK)),
    template=st.sampled_from(["%{:02x}", "%{:02X}"]),
)
def test_percent_encoding_changes_nothing(encoded: list[bool], template: str) -> None:
    """Any characters of a path may be percent-encoded, once."""
    spelled = "".join(
        template.format(ord(character)) if wanted else character
        for character, wanted in zip(CLICK, encoded, strict=True)
    )
    assert wire.read(KEYS, HOST, spelled) == wire.read(KEYS, HOST, CLICK)


@given(link=parts, context=parts.filter(bool))
@example(link="x", context="AAAAAAacmeDFJ")
def test_signed_nonsense_is_read_or_malformed(link: str, context: str) -> None:
    """Content that somebody else signed with the key cannot do more than be refused."""
    path = tokens.click_urls(KEYS, "", HOST, context, [(link, "a")])[0]
    reasons = set()
    try:
        wire.read(KEYS, HOST, path)
    except InvalidToken as error:
        reasons.add(error.reason)
    assert reasons <= {"malformed"}


@given(
    text=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7F)) | wordy_text.map(lambda text: json.dumps(text)),
    alphabet=st.sampled_from([LINK, CONTEXT]),
)
@example(text="MmUuXx Ux X4email", alphabet=LINK)
def test_packed_text_comes_back(text: str, alphabet: Alphabet) -> None:
    """Any ASCII comes back, whatever capitals and words it holds, from characters that a URL may have anywhere."""
    packed = alphabet.pack(text)
    assert set(packed) <= set(BASE64URL)
    assert len(packed) <= 3 * len(text)
    assert alphabet.unpack(packed) == text


@given(packed=st.text(BASE64URL), alphabet=st.sampled_from([LINK, CONTEXT]))
def test_any_part_unpacks_to_a_bounded_text_or_is_an_error(packed: str, alphabet: Alphabet) -> None:
    """Unpacking arbitrary base64url gives ASCII of at most 14 characters for each, or `ValueError`."""
    try:
        text = alphabet.unpack(packed)
    except ValueError:
        return
    assert text.isascii()
    assert len(text) <= MAX_GROWTH * len(packed)
