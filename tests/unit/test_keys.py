"""Signing keys: how they are made, that they verify, and that nothing shows them."""

import base64
import copy
import hmac
import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from helpers.frames import chain, leaks
from helpers.spellings import BASE64URL, spellings
from linkwrap.errors import OptionError
from linkwrap.keys import SigningKeys
from linkwrap.resolver import Resolver
from linkwrap.testing import tracked_links, unwrap

SECRET = "a secret that no message may show"
KEYS = SigningKeys(SECRET)


def test_generated_keys_are_long_and_differ() -> None:
    """`generate` gives text with 256 random bits that can stand in an environment variable's list."""
    made = {SigningKeys.generate() for _ in range(50)}
    assert len(made) == 50
    assert all(len(key) == 43 and set(key) <= set(BASE64URL) for key in made)


def test_text_and_bytes_are_the_same_key() -> None:
    """A key of text is its UTF-8."""
    signature = SigningKeys("schlüssel-schlüssel").sign("x")
    assert SigningKeys("schlüssel-schlüssel".encode()).verify("x", signature)


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
    assert keys.sign("x") == SigningKeys("n" * 20).sign("x")
    assert keys.verify("x", KEYS.sign("x"))


def test_environment_variable_can_have_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """`from_env` reads the variable that it is given."""
    monkeypatch.setenv("MAIL_KEYS", SECRET)
    assert SigningKeys.from_env("MAIL_KEYS").sign("x") == KEYS.sign("x")


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
}


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in UNWANTED.items()])
def test_no_frame_of_the_package_holds_a_key(call: Callable[[], object]) -> None:
    """A reporter of errors that shows the variables of each frame shows no key, whatever went wrong with the keys."""
    with pytest.raises(Exception) as raised:  # noqa: PT011
        call()
    assert leaks(raised.value, SECRET) == []
    assert SECRET not in "".join(map(str, chain(raised.value)))


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
    assert len(KEYS.sign("x")) == 22
    assert len(base64.urlsafe_b64decode(KEYS.sign("x") + "==")) == 16


def test_signature_has_one_spelling() -> None:
    """Other base64 texts of the same bytes are no signature."""
    signature = KEYS.sign("x")
    others = list(spellings(signature))
    assert len(others) == 17
    assert KEYS.verify("x", signature)
    assert not any(KEYS.verify("x", other) for other in others)


@pytest.mark.parametrize("signature", ["", "x", "\0" * 22, "é" * 22, "\ud800" * 22, "A" * 22, "A" * 10_000])
def test_any_text_can_be_asked_for_as_a_signature(signature: str) -> None:
    """What is no signature is not one, and raises nothing."""
    assert not KEYS.verify("x", signature)


def test_other_types_are_not_signed() -> None:
    """Bytes are not taken for the text that they might stand for; one message names all arguments."""
    with pytest.raises(TypeError, match=r"^message must be str, not bytes$"):
        KEYS.sign(b"x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^message must be str, not bytes; signature must be str, not None$"):
        KEYS.verify(b"x", None)  # type: ignore[arg-type]
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
    signature = SigningKeys(signer).sign("x")
    monkeypatch.setattr("hmac.compare_digest", counting)
    assert keys.verify("x", signature)
    assert compared == 3
