"""The packed parts of a token: their exact form, what is refused, and what a spam filter sees in them."""

import base64
import random
import re
from collections.abc import Callable
from uuid import UUID

import pytest

from linkwrap._token.packing import (
    CONTEXT,
    LINK,
    MAX_INDEX,
    MAX_TIME,
    Alphabet,
    decode_context,
    decode_link,
    encode_context,
    encode_link,
    pack_place,
    unpack_place,
)
from linkwrap.errors import OptionError
from linkwrap.link import Part

SENT_AT = 1_764_000_000
PARTS: list[Part] = ["html", "text", "amp", "url"]
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

# Packed text


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("https://www.example.com/Sale?utm_source=news", "LexamplePUsaleESnews"),
        ("http://a.test/a-b_c/1", "OaBtestAa-b_cA1"),
        ("~ \\\x7f", "X7eX20X5cX7f"),
        ("A", "Ua"),
        ("AbcdefghijK", "UabcdefghijUk"),
        ("AbC.D", "UabUcBUd"),
        ("AbCd.E", "UabUcdBUe"),
        ("ABC", "ZCABC"),
        ("xxAbCdExx", "xxZEAbCdExx"),
        ("/AB-C_D0/", "AZFAB-C_D0A"),
        ("AB-1CDE", "UaUb-1ZCCDE"),
        ("A" * 62, "Z9" + "A" * 62),
        ("A" * 63, "Z9" + "A" * 62 + "ZAA"),
        ("A" * 130, ("Z9" + "A" * 62) * 2 + "ZFAAAAAA"),
        ("AB" + "c" * 70 + "D", "Z9AB" + "c" * 60 + "ZK" + "c" * 10 + "D"),
        ("ABemailCD", "UaUbQUcUd"),
        ("x-1" + "a" * 25, "x-X31" + "a" * 25),
        ("x-3" + "a" * 24 + "/", "x-X33" + "a" * 24 + "A"),
        ("x-1" + "a" * 24, "x-1" + "a" * 24),
        ("x-1" + "a" * 20 + "-3" + "b" * 30, "x-1" + "a" * 20 + "-X33" + "b" * 30),
    ],
)
def test_text_has_one_packed_form(text: str, packed: str) -> None:
    """Which form that is does not change between machines or releases, so a link's URL does not either."""
    assert LINK.pack(text) == packed
    assert LINK.unpack(packed) == text


@pytest.mark.parametrize(
    ("characters", "length"),
    [(DIGITS, 500), (DIGITS[:52], 2067), (DIGITS[:26], 500), (DIGITS[:26] + DIGITS[52:62], 500)],
)
def test_text_full_of_capitals_hardly_grows(characters: str, length: int) -> None:
    """Ids, other senders' tokens and JWTs in a destination do not make a redirect URL twice as long."""
    source = random.Random(0)  # noqa: S311
    for _ in range(100):
        url = f"https://shop.example/{''.join(source.choices(characters, k=length))}"
        assert len(encode_link(url)) <= 1.15 * len(url)


@pytest.mark.parametrize(
    ("packed", "text"),
    [
        ("ZDaBcD", "aBcD"),
        ("ZAZ", "Z"),
        ("ZBZZUa", "ZZA"),
        ("ZCUaXLZA_", "UaXhttps://www._"),
        ("X41", "A"),
        ("X61", "a"),
        ("X00", "\0"),
        ("", ""),
    ],
)
def test_reader_takes_forms_that_linkwrap_does_not_write(packed: str, text: str) -> None:
    """Another writer may choose other escapes and raw runs."""
    assert LINK.unpack(packed) == text


@pytest.mark.parametrize("alphabet", [LINK, CONTEXT], ids=["link", "context"])
@pytest.mark.parametrize(
    "packed",
    [
        *("U", "aU", "UA", "UL", "U1", "U-", "UU", "UUa", "UX41", "UZAa", "UZAA"),
        *("X", "X7", "X7E", "X80", "Xg0", "X4G", "XX41", "XZA4", "X4Z", "XU4", "XA"),
        *("Z", "aZ", "Z-a", "Z_a", "ZB", "ZBa", "ZAaZ", "ZAaZB", "ZAaZBa", "Z9" + "a" * 61, "ZAaU"),
    ],
)
def test_malformed_escape_is_refused(packed: str, alphabet: Alphabet) -> None:
    """An escape that is cut off or none, and a raw run that is cut off or has a wrong length."""
    with pytest.raises(ValueError, match=r"capital|cut off"):
        alphabet.unpack(packed)


@pytest.mark.parametrize("capital", "UVWXYZ")
def test_capital_without_a_meaning_is_refused(capital: str) -> None:
    """CONTEXT has no words for the last capitals."""
    with pytest.raises(ValueError, match=r"capital|cut off"):
        CONTEXT.unpack(f"a{capital}")


@pytest.mark.parametrize("packed", ["a.", "a~", "a b", "é", "\xff", "ZAa\xff", "\xffZAa", "ZAa\u0100", "\u20ac", "a\n"])
def test_other_characters_are_refused(packed: str) -> None:
    """Only the 64 characters have a meaning."""
    with pytest.raises(ValueError):  # noqa: PT011 - which one is no matter
        LINK.unpack(packed)


# LINK


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        ("MaBtestA", ("https://a.test/", "", None)),
        ("MaBtestAYu", ("https://a.test/", "u", None)),
        ("MaBtestAYuYUsale", ("https://a.test/", "u", "Sale")),
        ("MaBtestAYxuyYUsaleYmoreY", ("https://a.test/", "xuy", "Sale")),
        ("", ("", "", None)),
    ],
)
def test_link_has_three_fields_of_which_the_first_is_enough(part: str, fields: tuple[str, str, str | None]) -> None:
    """Fields that a later release adds behind them, and its flags, do no harm."""
    assert decode_link(part) == fields


@pytest.mark.parametrize("part", ["xX22", "xX22J5JX22x", "xYuX22J5JX22x", "xYX22J5JX22x", "xX5c", "xX0a", "xX22X5d"])
def test_link_of_other_json_is_refused(part: str) -> None:
    """A list of anything but strings, and what is no JSON."""
    with pytest.raises(ValueError):  # noqa: PT011 - JSON's or ours
        decode_link(part)


# PLACE


@pytest.mark.parametrize(
    ("part", "index", "packed"),
    [
        ("html", 0, "hA"),
        ("text", 26, "ta"),
        ("amp", 31, "af"),
        ("html", 32, "hgg"),
        ("html", 63, "hg_"),
        ("html", 64, "hhA"),
        ("text", 2047, "t__"),
        ("html", 2048, "H"),
        ("text", 10**9, "T"),
        ("amp", 2048, "A"),
        ("url", None, "u"),
    ],
)
def test_place_is_written_as_documented(part: Part, index: int | None, packed: str) -> None:
    """One letter, and at most two digits."""
    assert pack_place(part, index) == packed


@pytest.mark.parametrize("part", PARTS[:3])
def test_place_comes_back_and_leaves_the_rest(part: Part) -> None:
    """Every number up to 2,047 comes back, whatever LINK follows, and no two places are the same."""
    places = {pack_place(part, index): index for index in range(MAX_INDEX + 1)}
    assert len(places) == 2048
    for packed, index in places.items():
        for rest in ("", "A", "hA", "gMa"):
            assert unpack_place(packed + rest) == (part, index, rest)
    assert unpack_place(pack_place(part, MAX_INDEX + 1) + "MaB") == (part, None, "MaB")
    assert unpack_place("uMaB") == ("url", None, "MaB")


@pytest.mark.parametrize("packed", ["", "h", "t", "a", "hg", "h_", *(f"hg{digit}" for digit in DIGITS[:32])])
def test_place_that_is_cut_off_or_too_long_is_refused(packed: str) -> None:
    """A number has one form."""
    with pytest.raises(ValueError, match="place"):
        unpack_place(packed)


@pytest.mark.parametrize("letter", sorted({*DIGITS} - {*"htauHTA"}))
def test_place_of_another_part_is_refused(letter: str) -> None:
    """Seven letters begin a place."""
    with pytest.raises(ValueError, match="place"):
        unpack_place(f"{letter}AMaB")


# CONTEXT


@pytest.mark.parametrize("anonymous", [False, True])
@pytest.mark.parametrize("sent_at", [0, 1, 63, 64, SENT_AT, 2**31, 2**32, MAX_TIME])
def test_time_and_anonymous_flag_come_back(sent_at: int, anonymous: bool) -> None:
    """Every second up to the year 3058 can be told, with the flag and without."""
    part = encode_context("acme", sent_at, {"rcpt": "r-1"}, anonymous=anonymous)
    assert decode_context(part) == ("acme", {"rcpt": "r-1"}, sent_at, anonymous)


def test_anonymous_flag_is_the_highest_bit() -> None:
    """The examples of the documentation."""
    assert encode_context("acme", 1_764_000_000, None) == "BpJIEAacmeDFJ"
    assert encode_context("acme", 1_763_942_400, None, anonymous=True) == "hpI6AAacmeDFJ"


@pytest.mark.parametrize("sent_at", [-1, MAX_TIME + 1, 2**36])
def test_time_that_has_no_form_is_refused(sent_at: int) -> None:
    """A time does not become a flag."""
    with pytest.raises(OptionError, match="the time of sending must be from 1970 to 3058"):
        encode_context("acme", sent_at, None)


@pytest.mark.parametrize(
    "part",
    ["", "A", "AAAAA", "AAAAAA", "AAAAAAacmeDFL", "AAAAAAacmeDFJDaDEUnaUn", "AAAAAAacmeDFJDaDEZCNaN", "AAAAAAaDF5FJ"],
)
def test_context_of_other_json_is_refused(part: str) -> None:
    """What is cut off, is no list of an account id and an object, or holds what only Python's reader takes."""
    with pytest.raises(ValueError):  # noqa: PT011 - JSON's or ours
        decode_context(part)


# Spam filters

# "body __BITCOIN_ID" in 72_active.cf of SpamAssassin 4.0.1 (Debian 4.0.1-1~deb12u1), on which other rules build.
BITCOIN_ID = re.compile(
    r"\b(?<!=)(?:[13](?:(?:[-_=\s][a-km-zA-HJ-NP-Z1-9]){29,34}|[a-km-zA-HJ-NP-Z1-9]{29,34})"
    r"|bc1[acdefghjklmnpqrstuvwxyz234567890]{30,90}"
    r"|b[-_=\s]c[-_=\s]1(?:[-_=\s][acdefghjklmnpqrstuvwxyz234567890]){30,90})\b",
    re.ASCII,
)
ENDS = ["https://www.example.com/", "https://shop.example.org/", "http://news.example.co.uk/"]
WORDS = (
    "sale spring summer shoes news guide offer best price review men women kids travel hotel city break weekend deal "
    "top home garden kitchen the for and with how to new"
).split()

Make = Callable[[random.Random], dict[str, object]]


def slug(source: random.Random, most: int) -> str:
    """Words and numbers with hyphens between them."""
    pieces = [source.choice([*WORDS[:8], str(source.randrange(10 ** source.randint(1, 8)))]) for _ in range(most)]
    return "-".join(source.choice([piece, source.choice(WORDS)]) for piece in pieces[: source.randint(1, most)])


def destination(source: random.Random) -> str:
    """A destination with hyphens and digits, and some with a token of another sender."""
    path = "/".join(slug(source, 6) for _ in range(source.randint(1, 5)))
    query = "&".join(
        f"{source.choice(['id', 'ref', 'p', 'utm_source'])}={slug(source, 3)}" for _ in range(source.randint(0, 3))
    )
    token = f"/{base64url(source.randbytes(60))}" if source.random() < 0.2 else ""
    return f"{source.choice(ENDS)}{path}{token}{'?' if query else ''}{query}"


def base64url(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def uuid(source: random.Random) -> str:
    """A random UUID."""
    return str(UUID(int=source.getrandbits(128), version=4))


@pytest.mark.parametrize(
    "metadata",
    [
        lambda source: {"message_id": f"m-{source.randrange(10**10):010}", "rcpt": f"r-{source.randrange(10**10):010}"},
        lambda source: {"message_id": uuid(source), "rcpt": uuid(source), "id": uuid(source)},
        lambda source: {"campaign_id": slug(source, 6), "rcpt": f"{slug(source, 3)}-{source.randrange(10**6)}"},
    ],
    ids=["numbers", "uuids", "hyphens"],
)
def test_redirect_urls_never_look_like_bitcoin(metadata: Make) -> None:
    """A mail in plain text gets no points for what wrapping made of 10,000 links."""
    source = random.Random(20_261_130)  # noqa: S311 - not for cryptography
    for number in range(10_000):
        url = destination(source)
        link = pack_place("html", number % 100) + encode_link(url)
        context, signature = encode_context("acme", SENT_AT, metadata(source)), base64url(source.randbytes(16))
        assert not BITCOIN_ID.search(f"https://click.acme.test/f/a/2{link}.{context}.{signature}"), url


@pytest.mark.parametrize(
    "url",
    [
        "https://a.test/x-1" + "abc/" * 8,
        "https://a.test/x-3" + "abc/" * 7 + "AbCdEf",
        "https://a.test/ABC-1" + "a" * 20 + "DEFGHJKmnP",
        "https://a.test/ABCDE" + "f" * 58 + "-1" + "a" * 20 + "DEFGHJKmnP",
        "https://a.test/x-1" + "a" * 20 + "-3" + "b" * 34,
    ],
)
def test_no_part_of_a_url_becomes_an_address(url: str) -> None:
    """Neither where capitals join what "/" has parted, nor in a raw run, nor in both."""
    packed = encode_link(url)
    assert not re.search("-[13][1-9A-HJ-NP-Za-km-z]{25}", packed)
    assert decode_link(packed)[0] == url
