"""Signing keys, what is derived from them, and keys for some hosts only (docs/token.md).

Of a secret, only two prepared MACs are kept. What signs for one host is derived of the first, and of it no other key
can be computed; the second makes challenge responses.
"""

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Iterable
from typing import Final, NoReturn, Self, cast

from itsdangerous import Signer
from itsdangerous.signer import SigningAlgorithm

from ._faults import Faults, require_str
from ._hosts import host_name
from .errors import OptionError

MIN_KEY: Final = 16
"""Bytes that a key must have at least."""

_PREFIX: Final = b"linkwrap-host:"
_EXPORTED = re.compile(rb"linkwrap-host:([a-z0-9.-]++):([\w-]{43})", re.ASCII)
_MAX_HOSTS: Final = 256  # whose derived keys are kept
_SHOWN: Final = 3  # hosts in a message

# RFC 2104, 2, for all values of a byte.
_INNER = bytes(0x36 ^ byte for byte in range(256))
_OUTER = bytes(0x5C ^ byte for byte in range(256))


class _HmacSha256(SigningAlgorithm):
    """HMAC-SHA-256 with one key, which is taken in once, here; a signature is its first 128 bits (RFC 2104, 5)."""

    __slots__ = ("inner", "outer")

    def __init__(self, key: bytes) -> None:
        block = (key if len(key) <= 64 else hashlib.sha256(key).digest()).ljust(64, b"\0")
        self.inner = hashlib.sha256(block.translate(_INNER))
        """The hash that a message is added to, in a copy."""
        self.outer = hashlib.sha256(block.translate(_OUTER))
        """The hash that the digest of the inner one is added to, in a copy."""

    def digest(self, message: bytes) -> bytes:
        """Return the MAC of a message, in full."""
        inner, outer = self.inner.copy(), self.outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        """Return the signature of `value`; `key` is not used."""
        return self.digest(value)[:16]


class _Secret:
    """A signing key for all hosts."""

    __slots__ = ("challenges", "root")

    def __init__(self, secret: bytes) -> None:
        # The secret is the message: as a key, HMAC would fill up a short one and hash a long one.
        self.root = _HmacSha256(hmac.digest(b"linkwrap/2/host", secret, "sha256"))
        self.challenges: Signer | None = _signer(hmac.digest(b"linkwrap/2/verify", secret, "sha256"))

    def signer(self, host: str) -> Signer | None:
        """Return the signer for a host."""
        return _signer(self.root.digest(_bytes(host)))

    def export(self, host: str) -> str:
        """Return the exported key for a host."""
        key = base64.urlsafe_b64encode(self.root.digest(_bytes(host))).rstrip(b"=")
        return (_PREFIX + host.encode() + b":" + key).decode()


class _HostKey:
    """A signing key for one host, from an exported key that `_is_exported` has seen."""

    __slots__ = ("_signer", "challenges", "host")

    def __init__(self, exported: bytes) -> None:
        _, host, key = exported.split(b":")
        self.host = host.decode()
        self.challenges: Signer | None = None
        self._signer = _signer(base64.urlsafe_b64decode(key + b"="))

    def signer(self, host: str) -> Signer | None:
        """Return the signer for a host; None if it is another one."""
        return self._signer if host == self.host else None


def _signer(key: bytes) -> Signer:
    # The algorithm has taken in the key, so the signer needs none.
    return Signer(b"", key_derivation="none", algorithm=_HmacSha256(key))


def _bytes(text: str | bytes) -> bytes:
    return str.encode(text, "utf-8", "surrogatepass") if isinstance(text, str) else text


def _key(secret: str | bytes) -> _Secret | _HostKey:
    return (_HostKey if _bytes(secret).startswith(_PREFIX) else _Secret)(_bytes(secret))


def _is_exported(key: bytes) -> bool:
    """Whether an exported key is whole, and in the one spelling that it has."""
    found = _EXPORTED.fullmatch(key)
    try:
        return (
            found is not None
            and host_name(found[1].decode()).encode() == found[1]
            and base64.urlsafe_b64encode(base64.urlsafe_b64decode(found[2] + b"=")) == found[2] + b"="
        )
    except ValueError:
        return False


def _check_keys(named: Iterable[tuple[str, object]], faults: Faults) -> None:
    """Add what is wrong with each key, by its name and never by its content."""
    for name, secret in named:
        if not isinstance(secret, str | bytes):
            faults.wrong_type(name, "str or bytes", secret)
        elif not secret:
            faults.wrong_value(f"{name} is empty")
        elif _bytes(secret).startswith(_PREFIX):
            if not _is_exported(_bytes(secret)):
                faults.wrong_value(f"{name} begins with {_PREFIX.decode()} and is not a whole exported key")
        elif len(_bytes(secret)) < MIN_KEY:
            faults.wrong_value(f"{name} is shorter than {MIN_KEY} bytes")


class SigningKeys:
    """The keys that sign tokens and verify them.

    To change keys, give the new one as a retired key to all who read tokens first, then make it the current key where
    tokens are made. Keys are in no `repr`, no message and no traceback, and cannot be pickled. Two `SigningKeys` are
    equal only if they are the same object.

    Each key may also be an exported key, which `for_hosts` makes: it signs and verifies for one host. Of several keys
    for a host, the first signs.

    Args:
        current: The key that signs: a secret of at least 16 bytes, as `bytes`, or as text that stands for its UTF-8.
            `SigningKeys.generate()` makes one.
        retired: Keys that verify and no longer sign, in any order.

    Raises:
        TypeError: A key is neither `str` nor `bytes`, or `retired` is one key in place of a list.
        OptionError: A key is shorter than 16 bytes, or part of an exported key. The message lists all faults.
    """

    __slots__ = ("_hosts", "_keys")

    def __init__(self, current: str | bytes, *, retired: Iterable[str | bytes] = ()) -> None:
        self._keys: tuple[_Secret | _HostKey, ...] = ()
        self._hosts: dict[str, tuple[Signer, ...]] = {}
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
            self._keys = tuple(map(_key, (current, *former)))
        finally:
            del current, retired, former

    @staticmethod
    def generate() -> str:
        """Return a new random key of 43 characters, to be stored where secrets are."""
        import secrets  # imports random, which takes ten times as long

        return secrets.token_urlsafe(32)

    @classmethod
    def from_env(cls, name: str = "LINKWRAP_KEYS") -> Self:
        """Return the keys that an environment variable lists.

        Args:
            name: The variable. It holds keys separated by commas, the current one first; spaces around a key do not
                count.

        Raises:
            OptionError: The variable is not set, or a key in it is shorter than 16 bytes or part of an exported key.
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

    def for_hosts(self, hosts: Iterable[str]) -> list[str]:
        """Return keys that sign and verify for these hosts only, for programs that are not trusted with all.

        They stand wherever a signing key does, and are secrets as it is: `SigningKeys(found[0], retired=found[1:])`.
        They make no challenge responses, and no other key can be computed from them.

        Args:
            hosts: Tracking domains, in any spelling.

        Returns:
            The exported keys: those of the current key for each host first, then those of the retired ones.

        Raises:
            TypeError: `hosts` is not a list of `str`.
            OptionError: A host is not a host name, or these keys are exported themselves.
        """
        faults = Faults()
        names: dict[str, None] = {}
        if isinstance(hosts, str | bytes) or not isinstance(hosts, Iterable):
            faults.wrong_type("hosts", "a list of host names", hosts)
        else:
            for host in hosts:
                if not isinstance(host, str):
                    faults.wrong_type("each of hosts", "str", host)
                    continue
                try:
                    names[host_name(host)] = None
                except ValueError as error:
                    faults.wrong_value(str(error))
        if any(isinstance(key, _HostKey) for key in self._keys):
            faults.wrong_value("an exported key cannot be exported again: only keys for all hosts can")
        faults.raise_any()
        return [key.export(host) for key in self._keys if isinstance(key, _Secret) for host in names]

    def _signers(self, host: str) -> tuple[Signer, ...]:
        """Return the signers for a host, in lower-case A-labels; the first one signs. There may be none."""
        found = self._hosts.get(host)
        if found is None:
            found = tuple(signer for key in self._keys if (signer := key.signer(host)) is not None)
            # The host is a stranger's word. Threads that come here at once add an entry each, and no more.
            if len(self._hosts) >= _MAX_HOSTS:
                self._hosts.clear()
            self._hosts[host] = found
        return found

    def _signer(self, host: str) -> Signer:
        """Return what signs for a host; raises `OptionError` if no key does."""
        if signers := self._signers(host):
            return signers[0]
        known = list(dict.fromkeys(key.host for key in self._keys if isinstance(key, _HostKey)))
        more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
        raise OptionError(f"the keys are for {', '.join(known[:_SHOWN])}{more} only, and cannot sign for {host}")

    def _states(self, host: str) -> _HmacSha256:
        """Return the MAC that signs for a host; raises `OptionError` if no key does."""
        return cast("_HmacSha256", self._signer(host).algorithm)

    @staticmethod
    def _verifies(signers: Iterable[Signer], text: str, signature: str) -> bool:
        """Return whether one of the signers makes `signature` of `text`.

        The signatures are compared as text, since base64 has other spellings of the same bytes, in constant time, and
        with all signers, whether one fits or not.
        """
        value, given = _bytes(text), _bytes(signature)
        found = False
        for signer in signers:
            # Not by `Signer.get_signature`, whose calls take as long as the MAC.
            made = base64.urlsafe_b64encode(cast("_HmacSha256", signer.algorithm).get_signature(b"", value))
            found |= hmac.compare_digest(made.rstrip(b"="), given)
        return found

    def _challengers(self) -> list[Signer]:
        """Return the signers of challenge responses; the first one responds. Exported keys have none."""
        return [key.challenges for key in self._keys if key.challenges is not None]

    def __repr__(self) -> str:
        return f"<SigningKeys: 1 current, {len(self._keys[1:])} retired>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("SigningKeys cannot be pickled or copied: make them in the worker, from its own environment")
