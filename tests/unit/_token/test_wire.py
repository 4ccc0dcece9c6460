"""The parts of a token, and every way in which a path is refused."""

import itertools
import json
import math
import re
import runpy
import string
import traceback
from decimal import Decimal
from types import MappingProxyType
from typing import Any, get_args

import pytest

from helpers import tokens
from helpers.paths import DOCS, TESTS
from helpers.rests import IGNORED, REFUSED
from helpers.spellings import BASE64URL, spellings
from linkwrap._token import wire
from linkwrap._token.packing import CONTEXT, LINK, MAX_GROWTH, MAX_INDEX
from linkwrap._token.wire import MAX_METADATA, MAX_PATH, Token
from linkwrap.errors import InvalidToken, OptionError
from linkwrap.keys import SigningKeys
from linkwrap.link import Part
from linkwrap.resolver import Resolver

VECTORS = json.loads((TESTS / "vectors" / "tokens.json").read_text(encoding="utf-8"))
SECRET = "a secret that no message may show"
KEYS = SigningKeys(SECRET)
HOST = "click.acme.test"
ORIGIN = f"https://{HOST}"
SHOP = "https://shop.example/sale?a=1&b=2#top"
METADATA = {"message_id": "m-1", "rcpt": "r-42"}
SENT_AT = 1_764_000_000


def written() -> list[dict[str, Any]]:
    """The vectors that linkwrap itself writes."""
    return [vector for vector in VECTORS["tokens"] if not vector["about"].startswith("not written: ")]


def click_path(
    url: str = SHOP,
    name: str | None = None,
    *,
    unsubscribe: bool = False,
    sublink: str = "a",
    metadata: dict[str, Any] | None = None,
    account_id: str = "acme",
    sent_at: int = SENT_AT,
    keys: SigningKeys = KEYS,
    host: str = HOST,
) -> str:
    """The path of a redirect URL."""
    context = wire.encode_context(account_id, sent_at, METADATA if metadata is None else metadata)
    link = wire.encode_link(url, name, unsubscribe)
    return tokens.click_urls(keys, "", host, context, [(link, sublink)])[0]


def open_path(*, initial: bool = False) -> str:
    """The path of an open pixel's URL."""
    return tokens.open_url(KEYS, "", HOST, wire.encode_context("acme", SENT_AT, METADATA), initial=initial)


def signed(link: str, context: str, keys: SigningKeys = KEYS) -> str:
    """The path of a click with parts of the test's own, rightly signed."""
    return tokens.click_urls(keys, "", HOST, context, [(link, "a")])[0]


def reason(path: str, *, keys: SigningKeys = KEYS, host: str = HOST) -> str:
    """Why the path is refused."""
    with pytest.raises(InvalidToken) as raised:
        wire.read(keys, host, path)
    return raised.value.reason


def is_refused(path: str) -> bool:
    """Whether the path is refused for its form or its signature."""
    try:
        wire.read(KEYS, HOST, path)
    except InvalidToken as error:
        return error.reason in ("malformed", "signature")
    return False


# What a token says


@pytest.mark.parametrize("vector", VECTORS["tokens"], ids=lambda vector: vector["about"])
def test_frozen_token_reads_as_ever(vector: dict[str, Any]) -> None:
    """Tokens of the first release say what they said then: links in sent mail live for years."""
    keys = SigningKeys(vector["keys"][0], retired=vector["keys"][1:])
    assert wire.read(keys, vector["host"], vector["path"]) == Token(**vector["token"])


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["about"])
def test_frozen_path_is_refused_as_ever(vector: dict[str, Any]) -> None:
    """What was no token in the first release is none now."""
    resolver = Resolver(SigningKeys(vector["keys"][0], retired=vector["keys"][1:]))
    with pytest.raises(InvalidToken) as raised:
        resolver.resolve_path(vector["host"], vector["path"])
    assert raised.value.reason == vector["reason"]


@pytest.mark.parametrize("vector", written(), ids=lambda vector: vector["about"])
def test_frozen_token_is_written_as_ever(vector: dict[str, Any]) -> None:
    """One content has one token, whatever the release and the machine."""
    keys = SigningKeys(vector["keys"][-1])
    token = Token(**vector["token"])
    context = wire.encode_context(token.account_id, token.sent_at, token.metadata, anonymous=token.anonymous)
    if token.kind == "unsubscribe":
        path = wire.unsubscribe_url(keys, "", vector["host"], context)
    elif token.kind == "open":
        pixel = wire.AMP_OPEN if token.part == "amp" else wire.INITIAL_OPEN if token.initial else wire.OPEN
        (path,) = wire.message_urls(keys, "", vector["host"], context, (), [pixel])
    else:
        assert token.sublink is not None
        assert token.part is not None
        link = wire.encode_link(token.url, token.link_name, token.unsubscribe)
        slot = wire.slot(token.sublink, token.part, MAX_INDEX + 1 if token.index is None else token.index, link)
        (path,) = wire.message_urls(keys, "", vector["host"], context, [slot])
    assert path == token.canonical


@pytest.mark.parametrize("vector", VECTORS["challenges"], ids=lambda vector: vector["about"])
def test_frozen_challenge_response_is_as_ever(vector: dict[str, Any]) -> None:
    """Domain checks work between releases."""
    keys = SigningKeys(vector["keys"][0], retired=vector["keys"][1:])
    host, nonce = vector["host"], vector["nonce"]
    if vector["response"] is None:
        with pytest.raises(InvalidToken):
            wire.challenge_response(keys, nonce, host)
    else:
        assert wire.challenge_response(keys, nonce, host) == vector["response"]
        assert wire.verifies_challenge(keys, nonce, host, vector["response"])


def test_vectors_are_what_the_specification_says() -> None:
    """The file holds what its script makes, which knows the specification and nothing of the package."""
    script = runpy.run_path(str(TESTS / "vectors" / "renew.py"))
    assert (TESTS / "vectors" / "tokens.json").read_text(encoding="utf-8") == script["vectors"]()


def test_click_says_all_that_was_put_in() -> None:
    """Destination, name, flags, sublink, account, metadata and time come back."""
    path = click_path(name="Sale", unsubscribe=True, sublink="app", sent_at=SENT_AT)
    assert wire.read(KEYS, HOST, path) == Token(
        kind="click",
        url=SHOP,
        link_name="Sale",
        unsubscribe=True,
        sublink="app",
        initial=False,
        part="html",
        index=0,
        account_id="acme",
        metadata=METADATA,
        sent_at=SENT_AT,
        anonymous=False,
        canonical=path,
    )


@pytest.mark.parametrize("unsubscribe", [False, True])
@pytest.mark.parametrize("name", [None, "", "Sale", 'a","b', "Größe 日本 \U0001f600", "\\", "\0\n\x7f\x80", "\ud800"])
def test_name_and_unsubscribe_mark_are_independent(name: str | None, unsubscribe: bool) -> None:
    """Any name, none, and the empty one come back, marked or not."""
    token = wire.read(KEYS, HOST, click_path(name=name, unsubscribe=unsubscribe))
    assert (token.link_name, token.unsubscribe) == (name, unsubscribe)


@pytest.mark.parametrize("initial", [False, True])
def test_open_says_which_pixel_it_is(initial: bool) -> None:
    """An open has the message's context and no destination."""
    path = open_path(initial=initial)
    token = wire.read(KEYS, HOST, path)
    assert token == Token("open", "", None, False, None, initial, "html", None, "acme", METADATA, SENT_AT, False, path)


@pytest.mark.parametrize("part", get_args(Part))
@pytest.mark.parametrize("index", [0, 1, 25, 26, 31, 32, 33, 63, 64, 95, 96, 1000, 2046, 2047, 2048, 10**6])
def test_click_says_which_link_it_is(part: Part, index: int) -> None:
    """The part and the number of a link come back: two links with one destination are two links."""
    link, context = wire.encode_link(SHOP), wire.encode_context("acme", SENT_AT, None)
    (path,) = wire.message_urls(KEYS, "", HOST, context, [wire.slot("a", part, index, link)])
    token = wire.read(KEYS, HOST, path)
    assert (token.part, token.index) == (part, None if part == "url" or index > MAX_INDEX else index)
    assert token.url == SHOP


def test_each_link_has_its_own_place() -> None:
    """No two places of links have one form, and none is the beginning of another."""
    places = {
        wire.slot("a", part, index, "").removeprefix("/f/a/2")[:-1]
        for part in get_args(Part)
        for index in range(MAX_INDEX + 2)
    }
    assert len(places) == 3 * (MAX_INDEX + 2) + 1
    ordered = sorted(places)
    assert not any(after.startswith(before) for before, after in itertools.pairwise(ordered))


@pytest.mark.parametrize(
    "url",
    [
        "https://www.example.com/",
        "http://example.org/a.html?id=1&utm_source=newsletter&utm_medium=email&utm_campaign=x&utm_content=y",
        "https://example.net/unsubscribe?email=a%40example.com",
        "http://https://www.http://www.example/",
        'https://example/?q="a"\\b',
        "https://example/\x80\x81\xff\u0100\u20ac",
        "https://example/\0\x1f\x7f\r\n",
        "",
        "https://example/" + "x" * 4080,
    ],
)
def test_destination_comes_back_unchanged(url: str) -> None:
    """Whatever is signed comes out, to the character."""
    assert wire.read(KEYS, HOST, click_path(url)).url == url


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"a": 1, "b": -2.5, "c": True, "d": None, "e": "", "f": [], "g": {}},
        {"nested": {"list": [1, [2, {"x": "y"}]]}},
        {"": "", 'quote"': 'a","b":"c', "back\\slash": "\\", "control": "\0\t\n\x7f\x80\xff"},
        {"größe": "日本 \U0001f600", "lone": "\ud800"},
        {"big": 2**200, "small": 5e-324, "exact": 0.1},
        {"message_id": "message_id", "campaign_id": "rcpt", "user_id": '",{"'},
    ],
)
def test_metadata_comes_back_as_json_has_it(metadata: dict[str, Any]) -> None:
    """All that JSON can say comes back as it went in."""
    assert wire.read(KEYS, HOST, click_path(metadata=metadata)).metadata == metadata


def test_metadata_goes_through_json() -> None:
    """Tuples come back as lists and nested keys as text, as from JSON."""
    metadata = {"pair": (1, 2), "nested": {1: "one"}}
    assert wire.read(KEYS, HOST, click_path(metadata=metadata)).metadata == {"pair": [1, 2], "nested": {"1": "one"}}


def test_no_metadata_is_empty_metadata() -> None:
    """None stands for an empty mapping."""
    assert wire.encode_context("acme", SENT_AT, None) == wire.encode_context("acme", SENT_AT, {})


def test_any_mapping_can_be_metadata() -> None:
    """A read-only view does as well as a dict."""
    assert wire.encode_context("a", 0, MappingProxyType(METADATA)) == wire.encode_context("a", 0, METADATA)


@pytest.mark.parametrize("account_id", ["", "acme", 'a"b\\c', "größe", "x" * 100, "é" * 50])
def test_account_comes_back_unchanged(account_id: str) -> None:
    """Any account id of at most 100 bytes comes back."""
    assert wire.read(KEYS, HOST, click_path(account_id=account_id)).account_id == account_id


@pytest.mark.parametrize("sent_at", [0, 1, 63, 64, SENT_AT, 2**31, 2**32, 2**35 - 1])
def test_time_comes_back_to_the_second(sent_at: int) -> None:
    """Every second from 1970 to 3058 can be told."""
    assert wire.read(KEYS, HOST, click_path(sent_at=sent_at)).sent_at == sent_at


def test_tokens_are_immutable() -> None:
    """What was read cannot be changed by who it is handed to."""
    token = wire.read(KEYS, HOST, click_path())
    with pytest.raises(AttributeError):
        token.url = "https://evil.example/"  # type: ignore[misc]


def test_urls_have_the_documented_form() -> None:
    """Clicks are under /f/, opens under /q/, on the given origin, in characters that need no encoding anywhere."""
    context = wire.encode_context("acme", SENT_AT, METADATA)
    links = [(wire.encode_link(SHOP), "a"), (wire.encode_link("http://other.example/"), "app_1")]
    first, second = tokens.click_urls(KEYS, "http://localhost:8080", "localhost", context, links)
    pixel = tokens.open_url(KEYS, ORIGIN, HOST, context)
    assert first.startswith("http://localhost:8080/f/a/2")
    assert second.startswith("http://localhost:8080/f/app_1/2")
    assert pixel.startswith(f"{ORIGIN}/q/2")
    assert set(first + second + pixel) <= set(string.ascii_letters + string.digits + "._~:/-")
    assert [url.count(".") for url in (first, second)] == [2, 2]


def test_same_message_gives_the_same_urls() -> None:
    """Nothing random goes into a token, so that wrapping twice gives one result."""
    assert click_path() == click_path()
    assert open_path() == open_path()


def test_words_make_urls_shorter() -> None:
    """What most URLs and metadata hold takes less room than plain base64 of it."""
    url = "https://www.example.com/unsubscribe?utm_source=newsletter&utm_medium=email"
    assert len(wire.encode_link(url)) < 0.5 * len(url)
    metadata = {"message_id": "m-0123456789", "rcpt": "r-0123456789"}
    assert len(wire.encode_context("acme", SENT_AT, metadata)) < 0.8 * len(json.dumps(metadata))


# What a token cannot hold


@pytest.mark.parametrize(
    ("metadata", "key", "kind"),
    [
        ({"rcpt": "r-1", "price": Decimal("1.5")}, "price", "Decimal"),
        ({"price": math.nan}, "price", "float"),
        ({"price": [1, -math.inf]}, "price", "list"),
        ({"tags": {"sensitive"}}, "tags", "set"),
        ({"raw": b"sensitive"}, "raw", "bytes"),
        ({"nested": {"a": {("sensitive",): 1}}}, "nested", "dict"),
    ],
)
def test_metadata_that_is_not_json_is_named_by_its_key(metadata: dict[str, Any], key: str, kind: str) -> None:
    """The message says which entry, of which type, and what would do; never the value."""
    with pytest.raises(OptionError) as raised:
        wire.encode_context("acme", SENT_AT, metadata)
    message = "".join(traceback.format_exception(raised.value))
    assert f"metadata['{key}']" in message
    assert f"({kind}): use strings" in message
    assert not any(value in message for value in ("sensitive", "r-1", "1.5", "nan", "-inf"))


@pytest.mark.parametrize("metadata", ["rcpt=r-1", ["rcpt"], 5, (("rcpt", "r-1"),)])
def test_metadata_must_be_a_mapping(metadata: Any) -> None:
    """The message says what it is instead."""
    with pytest.raises(TypeError, match=f"metadata must be a mapping, not {type(metadata).__name__}"):
        wire.encode_context("acme", SENT_AT, metadata)


@pytest.mark.parametrize("key", [1, None, True, 1.5, ("a",), b"rcpt"])
def test_metadata_keys_must_be_text(key: Any) -> None:
    """A key of another type would come back changed, so it is refused."""
    with pytest.raises(TypeError, match=f"metadata keys must be str, not {type(key).__name__}"):
        wire.encode_context("acme", SENT_AT, {key: "x"})


def test_endless_and_deep_metadata_is_refused() -> None:
    """Metadata that holds itself, or is nested beyond reason, is a caller's fault and no crash."""
    endless: dict[str, Any] = {}
    endless["self"] = endless
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for metadata in (endless, {"deep": deep}):
        with pytest.raises(OptionError, match="metadata"):
            wire.encode_context("acme", SENT_AT, metadata)


@pytest.mark.parametrize("character", ["x", "é", "日", "\U0001f600"])
def test_metadata_has_at_most_1000_bytes(character: str) -> None:
    """The bound counts compact JSON in UTF-8 and includes 1000, whatever the account is called."""
    overhead = len('{"k":""}')
    width = len(character.encode())
    count, rest = divmod(MAX_METADATA - overhead, width)
    fitting = {"k": character * count + "x" * rest}
    path = click_path(metadata=fitting, account_id="a" * 100)
    assert wire.read(KEYS, HOST, path).metadata == fitting
    with pytest.raises(OptionError, match="1001 bytes as JSON") as raised:
        wire.encode_context("acme", SENT_AT, {"k": fitting["k"] + "x"})
    assert character * 2 not in str(raised.value)


@pytest.mark.parametrize(
    ("account_id", "sent_at", "message"),
    [
        ("x" * 101, SENT_AT, "account id"),
        ("é" * 51, SENT_AT, "account id"),
        ("acme", -1, "time of sending"),
        ("acme", 2**35, "time of sending"),
    ],
)
def test_account_and_time_are_bounded(account_id: str, sent_at: int, message: str) -> None:
    """An account id over 100 bytes and a time outside of what a token can tell are refused."""
    with pytest.raises(OptionError, match=message):
        wire.encode_context(account_id, sent_at, None)


def test_link_name_and_destination_are_bounded() -> None:
    """A name over 63 bytes and a destination over 4096 are refused: cutting them is the caller's choice."""
    wire.encode_link("x" * 4096, "é" * 31 + "x")
    with pytest.raises(OptionError, match="link name"):
        wire.encode_link(SHOP, "é" * 32)
    with pytest.raises(OptionError, match="destination"):
        wire.encode_link("x" * 4097)


# What is refused


def test_token_of_another_host_is_refused() -> None:
    """A customer's link does not work on another customer's domain."""
    assert reason(click_path(), host="click.other.test") == "signature"
    assert reason(click_path(), host="") == "signature"
    assert reason(click_path(), host=HOST.upper()) == "signature"
    assert reason(click_path(), host="\ud800") == "signature"


def test_token_of_another_kind_or_sublink_is_refused() -> None:
    """A click is no open, an open no click, and a sublink is part of what is signed."""
    assert reason(click_path().replace("/f/a/", "/q/")) == "signature"
    assert reason(open_path().replace("/q/", "/f/a/")) == "signature"
    assert reason(click_path().replace("/f/a/", "/f/b/")) == "signature"
    assert reason(click_path().replace("/f/a/", "/f/A/")) == "signature"


def test_parts_of_two_tokens_do_not_mix() -> None:
    """Another message's context under this link is a forgery, even if both were signed."""
    one, other = click_path(), click_path("https://other.example/", metadata={"rcpt": "r-43"})
    link, context, signature = one.split(".")
    other_link, other_context, other_signature = other.split(".")
    for forged in (
        (other_link, context, signature),
        (link, other_context, signature),
        (link, context, other_signature),
        (other_link, context, other_signature),
        (link, other_context, other_signature),
    ):
        assert reason(".".join(forged)) == "signature"


def test_retired_keys_read_and_removed_keys_do_not() -> None:
    """A rotated key keeps its links alive; one that is gone takes them along."""
    path = click_path()
    assert wire.read(SigningKeys("the new key, long enough", retired=[SECRET]), HOST, path).url == SHOP
    assert reason(path, keys=SigningKeys("the new key, long enough")) == "signature"


def test_every_changed_character_is_noticed() -> None:
    """No character of a path can be another one."""
    path = click_path(name="x")
    for position, character in enumerate(path):
        for other in BASE64URL + ".~/%= \n\0é":
            if other != character:
                assert is_refused(path[:position] + other + path[position + 1 :]), (position, other)


def test_every_dropped_added_or_moved_character_is_noticed() -> None:
    """No character of a path can be missing, doubled, added or swapped with the next."""
    path = click_path(name="x")
    for position in range(len(path)):
        assert is_refused(path[:position])
        assert is_refused(path[:position] + path[position + 1 :])
        swapped = path[:position] + path[position : position + 2][::-1] + path[position + 2 :]
        assert swapped == path or is_refused(swapped)
    for position in range(len(path)):
        for other in "Aa0-_.~/= \n\0é":
            assert is_refused(path[:position] + other + path[position:]), (position, other)


def test_other_base64_spellings_are_refused() -> None:
    """Of a part's spellings in base64 only ours is a token, so that a token can serve as a key to find doubles by.

    What decoders skip behind the signature is a rest, which is no part of the token.
    """
    for url in (SHOP, SHOP + "x", SHOP + "xy"):
        head, *parts = click_path(url).replace("/2hA", "/2hA.", 1).split(".")
        for number, part in enumerate(parts):
            for other in spellings(part):
                forged = [*parts[:number], other, *parts[number + 1 :]]
                if number == 2 and other.startswith(part):
                    assert not is_refused(head + ".".join(forged))
                    continue
                assert is_refused(head + ".".join(forged)), (number, other)


def test_percent_encoded_copy_is_decoded_once() -> None:
    """A path that a client encoded reads as the same token; encoded twice it does not."""
    path = click_path()
    once = "".join(f"%{ord(character):02x}" for character in path)
    mixed = path.replace("2", "%32").replace("_", "%5F").replace(".", "%2E")
    assert wire.read(KEYS, HOST, once) == wire.read(KEYS, HOST, mixed) == wire.read(KEYS, HOST, path)
    assert reason(once.replace("%", "%25")) == "malformed"
    assert reason(mixed.replace("%", "%25")) == "malformed"


def test_decoded_path_is_judged_as_strictly() -> None:
    """Encoding smuggles nothing in: spaces, controls, other letters and half an encoding stay refused."""
    path = click_path()
    for added in ("%20", "%0A", "%00", "%3D", "%2B", "%C3%A9", "%EF%BC%A1", "%", "%4", "%4G", "%u0041", "%25", "%2541"):
        assert reason(path.replace(".", added + ".", 1)) == "malformed"
        assert reason(path[:-1] + added) == "malformed"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/f/",
        "/f/a/",
        "/f/a/2",
        "/f/a/2..",
        "/q/2.A.",
        "/q/a/{token}",
        "/f/{token}",
        "/f//{token}",
        "/f/a/b/{token}",
        "/f/a.b/{token}",
        "/f/" + "a" * 65 + "/{token}",
        "/F/a/{token}",
        "/x/{token}",
        "f/a/{token}",
        "//f/a/{token}",
        "/x/../f/a/{token}",
        "/f/a/{token}/x",
        "/f/a/{token};x",
        "/f/a/{token}x",
        "/f/a/{token}/{token}",
        "/f/a/1{token}",
        "/f/a/3{token}",
        "https://click.acme.test/f/a/{token}",
    ],
)
def test_other_paths_are_malformed(path: str) -> None:
    """Only the shapes of the three kinds of path, with a token of format 2, are looked at."""
    token = click_path().removeprefix("/f/a/")
    assert reason(path.replace("{token}", token)) == "malformed"


@pytest.mark.parametrize("path", [click_path(), open_path(), open_path(initial=True)], ids=["click", "open", "initial"])
def test_rest_behind_the_signature_is_ignored(path: str) -> None:
    """What clients and people put behind a URL changes nothing, up to 512 characters; other paths stay other paths."""
    token = wire.read(KEYS, HOST, path)
    for rest in IGNORED:
        assert wire.read(KEYS, HOST, path + rest) == token, rest
        encoded = "".join(f"%{ord(character):02X}" for character in path)
        assert wire.read(KEYS, HOST, encoded + rest) == token, rest
    for rest in REFUSED:
        assert reason(path + rest) == "malformed", rest


def test_rest_makes_no_forged_token_valid() -> None:
    """A rest is ignored behind a signature that verifies, and nowhere else."""
    path = click_path()
    for rest in IGNORED:
        assert is_refused(path[:-1] + rest), rest
        assert is_refused(path.replace("/f/a/", "/f/b/") + rest), rest
        assert is_refused("/f/a/2" + rest + path.removeprefix("/f/a/2")), rest


def test_oversized_path_is_refused_at_once() -> None:
    """A path over the bound is refused for its length, whatever it holds."""
    assert reason("/f/a/2" + "A" * MAX_PATH) == "too-long"
    assert reason(click_path() + "%41" * MAX_PATH) == "too-long"
    assert reason("/f/a/2" + "A" * (MAX_PATH - 6)) == "malformed"


def test_largest_token_is_well_within_the_bound() -> None:
    """Every bound reached at once, in what packs worst, still gives a path that is read."""
    worst = "\x80" * ((MAX_METADATA - len('{"":""}')) // 2)
    path = click_path("\\" * 4096, "\0" * 63, account_id="\0" * 100, metadata={"": worst}, sublink="s" * 64)
    assert len(path) < MAX_PATH
    assert wire.read(KEYS, HOST, path).metadata == {"": worst}


def test_signed_expansion_is_bounded() -> None:
    """Even who holds a key cannot make a token unpack to more than 14 times its length."""
    longest = max(set("ABCDEFGHIJKLMNOPQRSTVWY"), key=lambda capital: len(LINK.unpack(capital)))
    path = signed(longest * (MAX_PATH - 100), "AAAAAAacmeDFJ")
    assert len(path) < MAX_PATH
    assert len(wire.read(KEYS, HOST, path).url) == MAX_GROWTH * (MAX_PATH - 100)


@pytest.mark.parametrize(
    ("link", "context"),
    [
        ("x", "A"),
        ("x", "AAAAA"),
        ("x", "AAAAAA"),
        ("x", "AAAAAAacmeD"),
        ("x", "AAAAAAacmeDFL"),
        ("x", "AAAAAAacmeDFJKF"),
        ("x", "AAAAAAacmeDFJKFJ"),
        ("x", "AAAAAAacmeDFJKMJ"),
        ("x", "AAAAAAacmeDFJDaDE" + "L" * 9000),
        ("x", "AAAAAAacmeDFJDaDE" + "9" * 9000),
        ("x", "AAAAAAacmeDFJDaDE1Ue400"),
        ("x", "AAAAAAacmeDFJDaDEL1F-1Ue999M"),
        ("x", "AAAAAAacmeDFJZ"),
        ("x", "AAAAAAacmeDFJV"),
        ("x", "AAAAAAacmeDFJU"),
        ("xX22", "AAAAAAacmeDFJ"),
        ("xX0a", "AAAAAAacmeDFJ"),
        ("xX80", "AAAAAAacmeDFJ"),
        ("xX2", "AAAAAAacmeDFJ"),
        ("xU1", "AAAAAAacmeDFJ"),
        ("xZ", "AAAAAAacmeDFJ"),
    ],
)
def test_signed_nonsense_is_malformed(link: str, context: str) -> None:
    """What another program signed with our key is refused, not trusted to be in our form."""
    assert wire.read(KEYS, HOST, signed("x", "AAAAAAacmeDFJ")).account_id == "acme"
    assert reason(signed(link, context)) == "malformed"


def test_errors_show_nothing_of_the_token() -> None:
    """Logs of refused paths, tracebacks included, say nothing about recipient, destination or key."""
    paths = [
        click_path().replace("/f/a/", "/f/b/"),
        click_path()[:-1],
        signed("sensitiveX0a", wire.encode_context("acme", 0, METADATA)),
        signed(wire.encode_link(SHOP), "AAAAAAsensitive"),
        click_path() + "A" * MAX_PATH,
    ]
    for path in paths:
        with pytest.raises(InvalidToken) as raised:
            wire.read(KEYS, HOST, path)
        shown = "".join(traceback.format_exception(raised.value))
        assert not any(text in shown for text in ("sensitive", "shop.example", "r-42", SECRET, path[-22:], HOST))


# Challenges


def test_challenge_response_is_bound_to_key_nonce_and_host() -> None:
    """Only these keys give this answer, for this nonce and host, and it is no signature of anything else."""
    answer = wire.challenge_response(KEYS, "0" * 32, HOST)
    others = {
        wire.challenge_response(KEYS, "1" * 32, HOST),
        wire.challenge_response(KEYS, "0" * 32, "click.other.test"),
        wire.challenge_response(SigningKeys("another key, long enough"), "0" * 32, HOST),
        tokens.open_url(KEYS, "", HOST, "0" * 32)[-22:],
        wire.unsubscribe_url(KEYS, "", HOST, "0" * 32)[-22:],
    }
    assert answer == wire.challenge_response(KEYS, "0" * 32, HOST)
    assert answer not in others
    assert len(others) == 5


def test_challenge_response_cannot_make_a_token() -> None:
    """A nonce in a token's form does not turn the endpoint into a signer of links."""
    link, context, _ = click_path().removeprefix("/f/a/2").split(".")
    forged = wire.challenge_response(KEYS, f"{link}.{context}", HOST)
    assert reason(f"/f/a/2{link}.{context}.{forged}") == "signature"
    assert reason(f"/q/2{link}.{context}.{forged}") == "signature"


def test_documented_capitals_are_those_of_the_format() -> None:
    """The table in docs/token.md is the one that tokens are read by."""
    page = (DOCS / "token.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z])` \|(.*)\|(.*)\|$", page, re.MULTILINE)
    assert len(rows) == 23
    for capital, *cells in rows:
        for alphabet, cell in zip((LINK, CONTEXT), cells, strict=True):
            if meaning := cell.strip().strip("`"):
                assert alphabet.unpack(capital) == (" " if meaning == "a space" else meaning)
            else:
                with pytest.raises(ValueError, match="capital"):
                    alphabet.unpack(capital)
