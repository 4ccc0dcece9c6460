"""Signing keys."""

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from typing import Final, NoReturn, Self

from itsdangerous import Signer
from itsdangerous.signer import SigningAlgorithm

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
    return secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else secret


def _key_faults(named: Iterable[tuple[str, object]]) -> list[str]:
    """Return what is wrong with each key, by its name and never by its content."""
    faults = []
    for name, secret in named:
        if not isinstance(secret, str | bytes):
            faults.append(f"{name} is neither str nor bytes")
        elif not secret:
            faults.append(f"{name} is empty")
        elif len(_bytes(secret)) < MIN_KEY:
            faults.append(f"{name} is shorter than {MIN_KEY} bytes")
    return faults


class SigningKeys:
    """The keys that sign tokens and verify them.

    `current` signs; it and every one of `retired` verify. A key is a secret of at least 16 bytes, of text (as UTF-8)
    or bytes; `SigningKeys.generate()` makes one. To change keys, give the new one to those who read tokens first, as a
    retired one, then make it the current one where tokens are made.
    Raises `OptionError` with one message that lists every fault. Keys are in no `repr` and no message, and cannot be
    pickled. Two `SigningKeys` are equal only if they are the same object.
    """

    __slots__ = ("_signers",)

    def __init__(self, current: str | bytes, *, retired: Iterable[str | bytes] = ()) -> None:
        listed = isinstance(retired, Iterable) and not isinstance(retired, str | bytes)
        former = tuple(retired) if listed else ()
        faults = [] if listed else ["retired takes a list of keys"]
        faults += _key_faults([("the current key", current)])
        faults += _key_faults((f"retired key {number}", secret) for number, secret in enumerate(former, 1))
        self._signers = () if faults else tuple(map(_signer, (current, *former)))
        # A traceback that prints the variables of a frame must not print keys.
        del current, retired, former
        if faults:
            raise OptionError(f"{'; '.join(faults)}: SigningKeys.generate() makes a good key")

    @staticmethod
    def generate() -> str:
        """Return a new random key of 43 characters, to be stored where secrets are."""
        return secrets.token_urlsafe(32)

    @classmethod
    def from_env(cls, name: str = "LINKWRAP_KEYS") -> Self:
        """Return the keys that an environment variable lists, separated by commas, the current one first.

        Spaces around a key do not count. Raises `OptionError` where the variable is not set or an entry is too short.
        """
        entries = [entry.strip() for entry in os.environ.get(name, "").split(",")]
        missing = name not in os.environ
        faults = _key_faults((f"key {number} in {name}", entry) for number, entry in enumerate(entries, 1))
        if not missing and not faults:
            return cls(entries[0], retired=entries[1:])
        del entries
        if missing:
            raise OptionError(f"the environment variable {name} is not set: `linkwrap keygen` prints a key for it")
        raise OptionError(f"{'; '.join(faults)}: `linkwrap keygen` prints a good key, commas separate several")

    def sign(self, message: str) -> str:
        """Return the signature of `message` by the current key: 22 characters of base64url."""
        return self._signers[0].get_signature(message.encode()).decode()

    def verify(self, message: str, signature: str) -> bool:
        """Tell whether one of the keys made `signature`, to the letter: other spellings of its bytes do not count."""
        value = message.encode("utf-8", "surrogatepass")
        given = signature.encode("utf-8", "surrogatepass")
        found = False
        for signer in self._signers:
            found |= hmac.compare_digest(signer.get_signature(value), given)
        return found

    def __repr__(self) -> str:
        return f"<SigningKeys: 1 current, {len(self._signers) - 1} retired>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("SigningKeys cannot be pickled or copied: make them in the worker, from its own environment")
