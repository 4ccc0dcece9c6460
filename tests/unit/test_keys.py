"""Signing keys: how they are made, that they verify, and that nothing shows them."""

import base64
import copy
import gc
import hashlib
import hmac
import json
import os
import pickle
import re
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from itsdangerous import Signer

from helpers.frames import chain, leaks
from helpers.paths import TESTS
from helpers.spellings import BASE64URL, spellings
from linkwrap.domains import DomainRegistry
from linkwrap.endpoint import respond
from linkwrap.errors import InvalidToken, OptionError
from linkwrap.keys import SigningKeys, _HmacSha256
from linkwrap.resolver import Resolver
from linkwrap.testing import tracked_links, unwrap
from linkwrap.wrapper import LinkWrapper

SECRET = "a secret that no message may show"
KEYS = SigningKeys(SECRET)
VECTORS = json.loads((TESTS / "vectors" / "tokens.json").read_text(encoding="utf-8"))
CURRENT: dict[str, str] = VECTORS["derivation"][0]
HOST, OTHER = "click.acme.test", "click.other.test"
SHOP = "https://shop.test/"


def sign(keys: SigningKeys, host: str = HOST) -> str:
    """The redirect URL of one and the same link of one and the same message."""
    return LinkWrapper(keys, tracking_domain=host).wrap_url(SHOP, sent_at=datetime(2026, 1, 2, tzinfo=UTC))


def verify(keys: SigningKeys, url: str) -> bool:
    """Whether these keys verify a redirect URL."""
    try:
        return Resolver(keys).resolve_click(url).url == SHOP
    except InvalidToken as error:
        if error.reason != "signature":
            raise
        return False


def exported(secret: str | bytes = SECRET, *hosts: str) -> SigningKeys:
    """The keys of a secret for some hosts, `HOST` if none are given."""
    keys = SigningKeys(secret).for_hosts(hosts or (HOST,))
    return SigningKeys(keys[0], retired=keys[1:])


def test_generated_keys_are_long_and_differ() -> None:
    """`generate` gives text with 256 random bits that can stand in an environment variable's list."""
    made = {SigningKeys.generate() for _ in range(50)}
    assert len(made) == 50
    assert all(len(key) == 43 and set(key) <= set(BASE64URL) for key in made)


def test_text_and_bytes_are_the_same_key() -> None:
    """A key of text is its UTF-8."""
    url = sign(SigningKeys("schlüssel-schlüssel"))
    assert sign(SigningKeys("schlüssel-schlüssel".encode())) == url


def test_sixteen_bytes_are_enough() -> None:
    """The bound is 16 bytes, not characters, and includes 16."""
    SigningKeys("k" * 16)
    SigningKeys(b"k" * 16)
    SigningKeys("é" * 8)
    with pytest.raises(OptionError, match="shorter than 16 bytes"):
        SigningKeys("k" * 15)


def test_every_faulty_key_is_named_and_none_is_shown() -> None:
    """One message lists all that is wrong with the keys, by their place in the list."""
    with pytest.raises(TypeError) as raised:
        SigningKeys("hunter2", retired=["", b"correct-horse", SECRET, 42])  # type: ignore[list-item]
    message = str(raised.value)
    for fault in (
        "the current key is shorter than 16 bytes",
        "retired key 1 is empty",
        "retired key 2 is shorter than 16 bytes",
        "retired key 4 must be str or bytes, not int",
        "generate()",
    ):
        assert fault in message
    assert not any(secret in message for secret in ("hunter2", "correct-horse", SECRET, "42"))
    with pytest.raises(
        OptionError, match=r"the current key is shorter .*; retired key 2 is empty: SigningKeys\.generate"
    ):
        SigningKeys("hunter2", retired=[SECRET, ""])


@pytest.mark.parametrize("key", [None, 5, bytearray(b"k" * 32), ["k" * 32]])
def test_key_of_another_type_is_a_type_error(key: Any) -> None:
    """The message names the type and what would do."""
    kind = "None" if key is None else type(key).__name__
    with pytest.raises(TypeError, match=f"the current key must be str or bytes, not {kind}: SigningKeys.generate"):
        SigningKeys(key)
    with pytest.raises(
        TypeError, match=f"retired must be a list of keys, not {kind}|retired key 1 must be str or bytes"
    ):
        SigningKeys(SECRET, retired=key if key != ["k" * 32] else [key])


@pytest.mark.parametrize("retired", ["last year's secret, long", b"last year's secret, long"])
def test_one_key_is_no_list_of_retired_keys(retired: Any) -> None:
    """A retired key that was not put into a list is not taken apart into characters."""
    with pytest.raises(TypeError, match=f"retired must be a list of keys, not {type(retired).__name__}"):
        SigningKeys(SECRET, retired=retired)


def test_environment_lists_current_key_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of the variable's keys signs, all verify, and spaces around them do not count."""
    monkeypatch.setenv("LINKWRAP_KEYS", f" {'n' * 20} ,{SECRET}\n")
    keys = SigningKeys.from_env()
    assert sign(keys) == sign(SigningKeys("n" * 20))
    assert verify(keys, sign(KEYS))


def test_environment_variable_can_have_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """`from_env` reads the variable that it is given."""
    monkeypatch.setenv("MAIL_KEYS", SECRET)
    assert sign(SigningKeys.from_env("MAIL_KEYS")) == sign(KEYS)


def test_unset_environment_variable_says_how_to_make_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable and the command."""
    monkeypatch.delenv("LINKWRAP_KEYS", raising=False)
    with pytest.raises(OptionError, match=r"LINKWRAP_KEYS is not set.*linkwrap keygen"):
        SigningKeys.from_env()


@pytest.mark.parametrize(
    ("value", "position"),
    [("", 1), (" ", 1), ("hunter2", 1), (f"{SECRET},", 2), (f"{SECRET},hunter2", 2), (f"{SECRET},,{SECRET}", 2)],
)
def test_faulty_environment_entry_is_named_by_its_position(
    monkeypatch: pytest.MonkeyPatch, value: str, position: int
) -> None:
    """An empty or short entry is refused, and the message shows no key."""
    monkeypatch.setenv("LINKWRAP_KEYS", value)
    with pytest.raises(OptionError, match=f"key {position} in LINKWRAP_KEYS is (empty|shorter)") as raised:
        SigningKeys.from_env()
    assert "hunter2" not in str(raised.value)
    assert SECRET not in str(raised.value)


def test_keys_show_in_no_text() -> None:
    """Neither repr, str, formatting nor the object's variables hold a key."""
    keys = SigningKeys(SECRET, retired=["another secret of the test"])
    shown = f"{keys!r} {keys!s} {keys} {getattr(keys, '__dict__', '')}"
    assert shown.startswith("<SigningKeys: 1 current, 1 retired>")
    assert SECRET not in shown
    assert "another" not in shown


class Retired(Iterator[str]):
    """Keys from a store that is down after the first one."""

    def __init__(self) -> None:
        self.keys = iter([SECRET])

    def __next__(self) -> str:
        for key in self.keys:
            return key
        raise ConnectionError("the store of keys is down")


def from_env(value: str) -> SigningKeys:
    """The keys of an environment variable with this value."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LINKWRAP_KEYS", value)
        return SigningKeys.from_env()


class Faulty(SigningKeys):
    """A subclass whose own check fails."""

    def __init__(self, current: str | bytes, *, retired: Iterable[str | bytes] = ()) -> None:
        super().__init__(current, retired=retired)
        del current, retired
        raise RuntimeError("a check of the subclass")


UNWANTED: dict[str, Callable[[], object]] = {
    "short retired key": lambda: SigningKeys(SECRET, retired=["short"]),
    "short current key": lambda: SigningKeys("short", retired=[SECRET, SECRET.encode()]),
    "key of another type": lambda: SigningKeys(5, retired=[SECRET]),  # type: ignore[arg-type]
    "keys in a list": lambda: SigningKeys([SECRET]),  # type: ignore[arg-type]
    "retired keys that are one": lambda: SigningKeys(SECRET, retired=SECRET),
    "retired keys that are none": lambda: SigningKeys(SECRET, retired=5),  # type: ignore[arg-type]
    "retired key of another type": lambda: SigningKeys(SECRET, retired=[SECRET, 5]),  # type: ignore[list-item]
    "iterator that raises": lambda: SigningKeys(SECRET, retired=Retired()),
    "generator that raises": lambda: SigningKeys(SECRET, retired=(SECRET[number:] for number in (0, "x"))),  # type: ignore[misc]
    "short entry in the environment": lambda: from_env(f"{SECRET},short"),
    "empty entry in the environment": lambda: from_env(f"{SECRET},,{SECRET}"),
    "subclass that raises": lambda: Faulty(SECRET, retired=[SECRET]),
    "resolver": lambda: Resolver(SECRET),  # type: ignore[arg-type]
    "resolver with other faults": lambda: Resolver(SECRET.encode(), max_age=5, refuse=6),  # type: ignore[arg-type]
    "tracked_links": lambda: tracked_links("<a>", SECRET),  # type: ignore[arg-type]
    "tracked_links of no mail": lambda: tracked_links(5, SECRET),  # type: ignore[arg-type]
    "unwrap": lambda: unwrap("<a>", SECRET),  # type: ignore[arg-type]
    "unwrap of no mail": lambda: unwrap(5, [SECRET]),  # type: ignore[call-overload]
    "pickle": lambda: pickle.dumps(SigningKeys(SECRET)),
    "part of an exported key": lambda: SigningKeys(f"linkwrap-host:{SECRET}"),
    "part of an exported key in the environment": lambda: from_env(f"linkwrap-host:{SECRET}"),
    "host without a key": lambda: LinkWrapper(exported(), tracking_domain=OTHER),
    "hosts that are none": lambda: SigningKeys(SECRET).for_hosts([5]),  # type: ignore[list-item]
}


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in UNWANTED.items()])
def test_no_frame_of_the_package_holds_a_key(call: Callable[[], object]) -> None:
    """A reporter of errors that shows the variables of each frame shows no key, whatever went wrong with the keys."""
    with pytest.raises(Exception) as raised:  # noqa: PT011
        call()
    assert leaks(raised.value, SECRET) == []
    assert SECRET not in "".join(map(str, chain(raised.value)))


@pytest.mark.parametrize(
    "call",
    [
        lambda key: SigningKeys(key, retired=["short"]),
        lambda key: SigningKeys("short", retired=[key]),
        lambda key: from_env(f"{key},short"),
        lambda key: from_env(f"{key[:-1]},{key}"),
        lambda key: LinkWrapper(SigningKeys(key), tracking_domain=OTHER),
        lambda key: LinkWrapper(SigningKeys(key)).wrap('<a href="https://shop.test/">x</a>', tracking_domain=OTHER),
        lambda key: Resolver(SigningKeys(key)).resolve(sign(SigningKeys("another secret of the test"))),
        lambda key: Resolver(SigningKeys(key)).challenge_response(HOST, "0" * 32),
        lambda key: SigningKeys(key).for_hosts([HOST]),
        lambda key: SigningKeys(CURRENT["secret"], retired=[key]).for_hosts([HOST]),
        lambda key: SigningKeys(CURRENT["secret"]).for_hosts([HOST, 5]),
        lambda key: pickle.dumps(SigningKeys(key)),
        lambda key: DomainRegistry("sqlite://", keys=SigningKeys(key)),
    ],
)
def test_no_frame_holds_an_exported_key_or_what_is_derived(call: Callable[[str], object]) -> None:
    """Neither the text of an exported key nor the bytes that it, or the secret, stands for are in a frame."""
    with pytest.raises(Exception) as raised:  # noqa: PT011
        call(CURRENT["exported"])
    derived = [bytes.fromhex(CURRENT[f"{name}_hex"]).decode("latin-1") for name in ("root", "host_key", "verify_key")]
    for text in (CURRENT["exported"][-43:-1], CURRENT["secret"], *derived):
        assert leaks(raised.value, text) == []
        assert text not in "".join(map(str, chain(raised.value)))


def test_the_search_for_keys_finds_them() -> None:
    """The search looks into variables, their attributes, containers, closures and earlier exceptions."""
    held = {"keys": [SigningKeys, lambda: secret]}
    secret = SECRET.encode()
    scope: dict[str, Any] = {"__name__": "linkwrap.fake", "held": held}
    code = "def outer(held):\n try:\n  1 / 0\n finally:\n  inner()\ndef inner():\n raise KeyError"
    exec(code, scope)  # noqa: S102
    with pytest.raises(KeyError) as raised:
        scope["outer"](held)
    assert leaks(raised.value, SECRET) == ["linkwrap.fake.outer: held", "linkwrap.fake.outer: held"]


@pytest.mark.parametrize(
    "copied",
    [*(lambda keys, n=n: pickle.dumps(keys, n) for n in range(pickle.HIGHEST_PROTOCOL + 1)), copy.copy, copy.deepcopy],
)
def test_keys_cannot_be_pickled_or_copied(copied: Callable[[SigningKeys], object]) -> None:
    """The error says to make them in the worker."""
    with pytest.raises(TypeError, match="make them in the worker"):
        copied(KEYS)


def test_keys_are_equal_only_to_themselves() -> None:
    """Comparing is by identity, so that nothing can be learnt by it."""
    assert SigningKeys(SECRET) != KEYS
    assert len({KEYS, KEYS, SigningKeys(SECRET)}) == 2


def test_signature_is_128_bits_of_base64url() -> None:
    """A signature has 22 characters."""
    signature = sign(KEYS).rpartition(".")[2]
    assert len(signature) == 22
    assert len(base64.urlsafe_b64decode(signature + "==")) == 16


def test_signature_has_one_spelling() -> None:
    """Other base64 texts of the same bytes are no signature."""
    url = sign(KEYS)
    others = [other for other in spellings(url[-22:]) if len(other) == 22 and set(other) <= set(BASE64URL)]
    assert len(others) == 15
    assert verify(KEYS, url)
    assert not any(verify(KEYS, url[:-22] + other) for other in others)


def test_name_of_the_variable_must_be_text() -> None:
    """The message names the argument."""
    with pytest.raises(TypeError, match=r"^name must be str, not int$"):
        SigningKeys.from_env(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("signer", ["first key of the test", "second key of the test", "third key of the test"])
def test_all_keys_are_tried_whichever_matches(signer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that verifying takes does not tell which key signed."""
    compared = 0
    compare = hmac.compare_digest

    def counting(given: bytes, expected: bytes) -> bool:
        nonlocal compared
        compared += 1
        return compare(given, expected)

    keys = SigningKeys("first key of the test", retired=["second key of the test", "third key of the test"])
    url = sign(SigningKeys(signer))
    monkeypatch.setattr("hmac.compare_digest", counting)
    assert verify(keys, url)
    assert compared == 3


# What is derived from keys


@given(key=st.binary(max_size=200), message=st.binary(max_size=300))
@example(key=b"", message=b"")
@example(key=b"k" * 64, message=b"")
@example(key=b"k" * 65, message=b"")
def test_signature_is_the_first_half_of_hmac_sha256(key: bytes, message: bytes) -> None:
    """Prepared states give what the standard library gives."""
    algorithm = _HmacSha256(key)
    expected = hmac.digest(key, message, "sha256")
    for _ in range(2):
        assert algorithm.digest(message) == expected
        assert algorithm.get_signature(b"another key", message) == expected[:16]
    signer = Signer(b"", key_derivation="none", algorithm=algorithm)
    assert base64.urlsafe_b64decode(signer.get_signature(message) + b"==") == expected[:16]


def secret_of(vector: dict[str, str]) -> str | bytes:
    """The secret of a vector."""
    return vector["secret"] if "secret" in vector else bytes.fromhex(vector["secret_hex"])


@pytest.mark.parametrize("vector", VECTORS["derivation"], ids=lambda vector: vector["about"])
def test_frozen_keys_are_derived_as_ever(vector: dict[str, str]) -> None:
    """The keys for a host, and so all of its links, are the same in every release."""
    secret = secret_of(vector)
    if len(secret) < 16:
        with pytest.raises(OptionError, match="shorter"):
            SigningKeys(secret)
        return
    assert SigningKeys(secret).for_hosts([vector["host"]]) == [vector["exported"]]


def test_different_secrets_are_different_keys() -> None:
    """A NUL behind a secret counts, and a long secret is not its hash: as an HMAC key they would be the same."""
    long = bytes(range(65))
    secrets = [b"k" * 16, b"k" * 16 + b"\0", long[:64], long, hashlib.sha256(long).digest()]
    assert len({sign(SigningKeys(secret)) for secret in secrets}) == len(secrets)


# Keys for some hosts


def test_exported_key_signs_and_verifies_for_its_host() -> None:
    """Its links are those of the key that it comes from, both ways."""
    assert sign(exported()) == sign(KEYS)
    assert verify(exported(), sign(KEYS))
    assert verify(KEYS, sign(exported()))


def test_exported_key_is_worth_nothing_for_another_host() -> None:
    """It verifies no other host's links and signs none: a leak stays on its host."""
    assert not verify(exported(), sign(KEYS, OTHER))
    assert not verify(exported(), sign(KEYS, f"a.{HOST}"))
    renamed = SigningKeys(KEYS.for_hosts([OTHER])[0].replace(OTHER, HOST))
    assert not verify(renamed, sign(KEYS))
    assert not verify(KEYS, sign(renamed))


@pytest.mark.parametrize("host", ["Click.ACME.test", "click.acme.test."])
def test_exported_key_is_for_the_host_in_any_spelling(host: str) -> None:
    """The host is brought into the form that is signed."""
    assert KEYS.for_hosts([host, HOST]) == KEYS.for_hosts([HOST])
    assert verify(exported(), sign(KEYS, host))


def test_international_host_can_be_exported() -> None:
    """A name in Unicode is exported as its A-labels."""
    (key,) = KEYS.for_hosts(["klick.faß.test"])
    assert key.startswith("linkwrap-host:klick.xn--fa-hia.test:")
    assert verify(SigningKeys(key), sign(KEYS, "klick.faß.test"))


def test_exported_keys_of_current_and_retired_keys() -> None:
    """Those of the current key are first, for each host; as a list they sign and verify as the keys did."""
    keys = SigningKeys(SECRET, retired=["another secret of the test"])
    found = keys.for_hosts([HOST, OTHER])
    assert [key.split(":")[1] for key in found] == [HOST, OTHER, HOST, OTHER]
    handed = SigningKeys(found[0], retired=found[1:])
    for host in (HOST, OTHER):
        assert sign(handed, host) == sign(keys, host) == sign(KEYS, host)
        assert verify(handed, sign(SigningKeys("another secret of the test"), host))
    assert keys.for_hosts([]) == []


def test_environment_and_bytes_hold_exported_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """They stand wherever a key does, also beside others."""
    monkeypatch.setenv("LINKWRAP_KEYS", ", ".join(KEYS.for_hosts([HOST, OTHER])))
    keys = SigningKeys.from_env()
    assert verify(keys, sign(KEYS))
    assert verify(keys, sign(KEYS, OTHER))
    assert verify(SigningKeys(KEYS.for_hosts([HOST])[0].encode()), sign(KEYS))
    beside = SigningKeys("another secret of the test", retired=KEYS.for_hosts([HOST]))
    assert verify(beside, sign(KEYS))
    assert sign(beside) == sign(SigningKeys("another secret of the test"))


def test_signing_for_a_host_without_a_key_names_the_host() -> None:
    """At construction if the tracking domain is given, else at the message; keys are told by three of their hosts."""
    wanted = f"the keys are for {HOST} only, and cannot sign for {OTHER}"
    with pytest.raises(OptionError, match=f"^{re.escape(wanted)}$"):
        LinkWrapper(exported(), tracking_domain=OTHER)
    wrapper = LinkWrapper(exported())
    assert verify(KEYS, wrapper.wrap_url(SHOP, tracking_domain=HOST))
    for call in (
        lambda: wrapper.wrap_url(SHOP, tracking_domain=OTHER),
        lambda: wrapper.wrap(f'<a href="{SHOP}">x</a>', tracking_domain=OTHER),
        lambda: wrapper.wrap_text(SHOP, tracking_domain=OTHER),
        lambda: wrapper.unsubscribe_url(tracking_domain=OTHER),
        lambda: wrapper.urls(wrapper.compile(""), tracking_domain=OTHER),
    ):
        with pytest.raises(OptionError, match=f"^{re.escape(wanted)}$"):
            call()
    with pytest.raises(OptionError, match=re.escape("cannot sign for spgo.io")):
        wrapper.wrap_url(SHOP)
    many = exported(SECRET, *(f"c{number}.acme.test" for number in range(5)))
    with pytest.raises(OptionError, match=r"for c0\.acme\.test, c1\.acme\.test, c2\.acme\.test and 2 more only"):
        LinkWrapper(many, tracking_domain=OTHER)


def test_exported_keys_make_no_challenge_response() -> None:
    """They cannot show that a host reaches a redirect server with all keys, and checks cannot use them."""
    nonce = "0" * 32
    with pytest.raises(InvalidToken):
        Resolver(exported()).challenge_response(HOST, nonce)
    path = f"/.well-known/linkwrap/{nonce}"
    response = respond(Resolver(exported()), method="GET", raw_path=path, host=HOST, headers={})
    assert response.status == 404
    assert respond(Resolver(KEYS), method="GET", raw_path=path, host=HOST, headers={}).status == 200
    with pytest.raises(OptionError, match="keys for some hosts only make no challenge response"):
        DomainRegistry("sqlite://", keys=exported())


def test_exported_key_is_not_exported_again() -> None:
    """Not even beside others: what can be made of it is itself."""
    for keys in (exported(), SigningKeys(SECRET, retired=KEYS.for_hosts([OTHER]))):
        with pytest.raises(OptionError, match="an exported key cannot be exported again"):
            keys.for_hosts([HOST])


@pytest.mark.parametrize(
    ("hosts", "error", "message"),
    [
        (HOST, TypeError, "hosts must be a list of host names, not str"),
        (None, TypeError, "hosts must be a list of host names, not None"),
        ([HOST, 5], TypeError, "each of hosts must be str, not int"),
        (["a b", "192.0.2.1"], OptionError, "'a b' is not a DNS host name: .*; '192.0.2.1' is not a DNS host name"),
        (["click.acme.test:443"], OptionError, "has a port"),
    ],
)
def test_hosts_must_be_host_names(hosts: Any, error: type[Exception], message: str) -> None:
    """One message lists all that are not."""
    with pytest.raises(error, match=message):
        KEYS.for_hosts(hosts)


@pytest.mark.parametrize("vector", VECTORS["not_keys"], ids=lambda vector: vector["about"])
def test_part_of_an_exported_key_is_no_key(monkeypatch: pytest.MonkeyPatch, vector: dict[str, str]) -> None:
    """What begins as an exported key is never taken for a secret, and the message shows nothing of it."""
    key = vector["key"]
    monkeypatch.setenv("LINKWRAP_KEYS", key)
    for call in (
        lambda: SigningKeys(key),
        lambda: SigningKeys(key.encode()),
        lambda: SigningKeys(SECRET, retired=[key]),
        SigningKeys.from_env,
    ):
        with pytest.raises(OptionError, match="begins with linkwrap-host: and is not a whole exported key") as raised:
            call()
        assert HOST not in str(raised.value)
        assert VECTORS["derivation"][0]["exported"][-43:-1] not in str(raised.value)


def test_keys_of_many_hosts_take_bounded_memory() -> None:
    """The host is a stranger's word: what is derived for it is not kept for ever."""
    resolver = Resolver(KEYS)
    url = sign(KEYS)

    def ask(number: int) -> None:
        with pytest.raises(InvalidToken):
            resolver.resolve(url.replace(HOST, f"h{number}.evil.test"))

    for number in range(2_000):
        ask(number)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(2_000, 20_000 if not os.environ.get("LINKWRAP_ENDURANCE") else 1_000_000):
            ask(number)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000
    assert verify(KEYS, url)


def test_threads_share_keys() -> None:
    """Hosts beyond what is kept, asked for at once, get their own keys and no others."""
    hosts = [f"h{number}.acme.test" for number in range(300)]
    expected = {host: sign(SigningKeys(SECRET), host) for host in hosts}
    keys = SigningKeys(SECRET)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            assert dict(zip(hosts, pool.map(lambda host: sign(keys, host), hosts), strict=True)) == expected
