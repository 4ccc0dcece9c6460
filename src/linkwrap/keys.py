"""Signing keys."""

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from typing import Final, NoReturn, Self

from itsdangerous import Signer
from itsdangerous.signer import SigningAlgorithm

from ._faults import Faults, require_str
from .errors import OptionError

MIN_KEY: Final = 16
"""Bytes that a key must have at least."""


class _KeyedBlake2(SigningAlgorithm):
    """128 bits of BLAKE2b with a key (RFC 7693), which needs no HMAC around it; the key is taken in once, here."""

    def __init__(self, key: bytes) -> None:
        self._start = hashlib.blake2b(digest_size=16, key=key)

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        mac = self._start.copy()
        mac.update(value)
        return mac.digest()


def _signer(secret: str | bytes) -> Signer:
    """Return the signer of one key: it holds a key derived from the secret, and not the secret itself."""
    derived = hashlib.blake2b(_bytes(secret), digest_size=32, person=b"linkwrap1").digest()
    return Signer(derived, key_derivation="none", algorithm=_KeyedBlake2(derived))


def _bytes(secret: str | bytes) -> bytes:
    return str.encode(secret, "utf-8", "surrogatepass") if isinstance(secret, str) else secret


def _check_keys(named: Iterable[tuple[str, object]], faults: Faults) -> None:
    """Add what is wrong with each key, by its name and never by its content."""
    for name, secret in named:
        if not isinstance(secret, str | bytes):
            faults.wrong_type(name, "str or bytes", secret)
        elif not secret:
            faults.wrong_value(f"{name} is empty")
        elif len(_bytes(secret)) < MIN_KEY:
            faults.wrong_value(f"{name} is shorter than {MIN_KEY} bytes")


class SigningKeys:
    """The keys that sign tokens and verify them.

    To change keys, give the new one as a retired key to all who read tokens first, then make it the current key where
    tokens are made. Keys are in no `repr`, no message and no traceback, and cannot be pickled. Two `SigningKeys` are
    equal only if they are the same object.

    Args:
        current: The key that signs: a secret of at least 16 bytes, as `bytes`, or as text that stands for its UTF-8.
            `SigningKeys.generate()` makes one.
        retired: Keys that verify and no longer sign, in any order.

    Raises:
        TypeError: A key is neither `str` nor `bytes`, or `retired` is one key in place of a list.
        OptionError: A key is shorter than 16 bytes. The message lists all faults.
    """

    __slots__ = ("_signers",)

    def __init__(self, current: str | bytes, *, retired: Iterable[str | bytes] = ()) -> None:
        self._signers: tuple[Signer, ...] = ()
        faults = Faults()
        former: tuple[str | bytes, ...] = ()
        # A traceback may show the variables of a frame: however this one ends, no key is left in them.
        try:
            if isinstance(retired, Iterable) and not isinstance(retired, str | bytes):
                former = tuple(retired)
            else:
                faults.wrong_type("retired", "a list of keys", retired)
            _check_keys([("the current key", current)], faults)
            _check_keys([(f"retired key {number}", secret) for number, secret in enumerate(former, 1)], faults)
            faults.raise_any(suffix=": SigningKeys.generate() makes a good key")
            self._signers = tuple(map(_signer, (current, *former)))
        finally:
            del current, retired, former

    @staticmethod
    def generate() -> str:
        """Return a new random key of 43 characters, to be stored where secrets are."""
        return secrets.token_urlsafe(32)

    @classmethod
    def from_env(cls, name: str = "LINKWRAP_KEYS") -> Self:
        """Return the keys that an environment variable lists.

        Args:
            name: The variable. It holds keys separated by commas, the current one first; spaces around a key do not
                count.

        Raises:
            OptionError: The variable is not set, or a key in it is shorter than 16 bytes.
        """
        require_str(name=name)
        listed = os.environ.get(name)
        if listed is None:
            raise OptionError(f"the environment variable {name} is not set: `linkwrap keygen` prints a key for it")
        entries = [entry.strip() for entry in listed.split(",")]
        faults = Faults()
        try:
            _check_keys([(f"key {number} in {name}", entry) for number, entry in enumerate(entries, 1)], faults)
            faults.raise_any(suffix=": `linkwrap keygen` prints a good key, commas separate several")
            return cls(entries[0], retired=entries[1:])
        finally:
            del listed, entries

    def sign(self, message: str) -> str:
        """Return the signature of `message` by the current key: 22 characters of base64url."""
        try:
            value = message.encode()
        except AttributeError:
            raise TypeError(f"message must be str, not {type(message).__name__}") from None
        except UnicodeEncodeError:
            value = message.encode("utf-8", "surrogatepass")
        return self._signers[0].get_signature(value).decode()

    def verify(self, message: str, signature: str) -> bool:
        """Return whether one of the keys made `signature`; other base64 spellings of the same bytes do not count."""
        if not (isinstance(message, str) and isinstance(signature, str)):
            require_str(message=message, signature=signature)
        value = message.encode("utf-8", "surrogatepass")
        given = signature.encode("utf-8", "surrogatepass")
        found = False
        for signer in self._signers:
            found |= hmac.compare_digest(signer.get_signature(value), given)
        return found

    def __repr__(self) -> str:
        return f"<SigningKeys: 1 current, {len(self._signers[1:])} retired>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("SigningKeys cannot be pickled or copied: make them in the worker, from its own environment")
