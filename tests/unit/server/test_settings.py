"""What `linkwrap serve` takes, and where its keys come from; `tests/integration/server` has the server itself."""

from pathlib import Path

import pytest

from helpers.frames import leaks
from linkwrap import LinkWrapper, OptionError, Resolver, SigningKeys
from linkwrap.server.settings import Settings, StartError, find_keys, parse_bytes, parse_keep, parse_listen

KEY, RETIRED = "the current key: long enough", "a retired key: long enough"


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("127.0.0.1:8025", "127.0.0.1", 8025),
        ("0.0.0.0:80", "0.0.0.0", 80),  # noqa: S104
        ("[::1]:8025", "::1", 8025),
        ("[::]:1", "::", 1),
        ("[2001:DB8:0:0::1]:65535", "2001:db8::1", 65535),
        ("localhost:8025", "127.0.0.1", 8025),
    ],
)
def test_addresses(text: str, address: str, port: int) -> None:
    """An IPv4 address, an IPv6 address in brackets, or this machine; shown again as it was given."""
    assert parse_listen(text) == (address, port)
    shown = Settings(address=address, port=port).listen
    assert parse_listen(shown) == (address, port)


@pytest.mark.parametrize(
    "text",
    [
        *("", "8025", ":8025", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:-1"),
        *("127.0.0.1:80 ", "::1:8025", "[127.0.0.1]:80", "[::1]", "[::1%lo]:80", "127.1:80", "example.com:80"),
        *("http://127.0.0.1:80", "127.0.0.1:８０", "127.0.0.1:8_0", "[localhost]:80", "127.0.0.1:80\n"),
    ],
)
def test_addresses_that_are_none(text: str) -> None:
    """A name is not looked up: an address says where a server listens."""
    with pytest.raises(OptionError, match="must be ADDRESS:PORT, such as"):
        parse_listen(text)


def test_days() -> None:
    """A number of days, from one to a hundred years."""
    assert (parse_keep("1d"), parse_keep("400d"), parse_keep("36500d")) == (86_400, 34_560_000, 3_153_600_000)
    for text in ("", "400", "0d", "36501d", "-1d", "1.5d", "1w", "400 d", "４d", "1d\n", "9" * 5000 + "d"):
        with pytest.raises(OptionError, match="must be a number of days, 1d to 36500d"):
            parse_keep(text)


def test_sizes() -> None:
    """Bytes, alone or in units of a thousand, from a megabyte on."""
    sizes = {"1000000": 10**6, "1000kB": 10**6, "500MB": 5 * 10**8, "10GB": 10**10, "2TB": 2 * 10**12}
    assert {text: parse_bytes(text) for text in sizes} == sizes
    for text in ("", "999999", "0", "-5MB", "1.5GB", "10 GB", "10gb", "10GiB", "５MB", "1MB\n", "9" * 5000, "10G"):
        with pytest.raises(OptionError, match="must be a size of at least 1MB, such as 500MB or 10GB"):
            parse_bytes(text)


def test_a_replay_limit_that_cannot_be() -> None:
    """It is one at least."""
    with pytest.raises(OptionError, match="must be positive"):
        Settings(replay_limit=0)


@pytest.mark.parametrize("workers", [0, -1, 65])
def test_workers(workers: int) -> None:
    """There is one at least."""
    with pytest.raises(OptionError, match="1 to 64 workers"):
        Settings(workers=workers)


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key file, named by the environment."""
    path = tmp_path / "keys"
    path.write_bytes(f"\ufeff# of May\r\n{KEY}\r\n\r\n{RETIRED}".encode())
    path.chmod(0o600)
    monkeypatch.delenv("LINKWRAP_KEYS", raising=False)
    monkeypatch.setenv("LINKWRAP_KEYS_FILE", str(path))
    return path


def verifies(key: str) -> bool:
    """Whether the keys verify what a key has signed."""
    url = LinkWrapper(SigningKeys(key), tracking_domain="click.acme.com").wrap_url("https://acme.com/")
    return Resolver(find_keys()).resolve_click(url).url == "https://acme.com/"


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640])
def test_keys_of_a_file(key_file: Path, mode: int) -> None:
    """All of them count; a group may read the file."""
    key_file.chmod(mode)
    assert verifies(KEY)
    assert verifies(RETIRED)


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o666])
def test_a_file_that_others_can_read(key_file: Path, mode: int) -> None:
    """It is refused, with a sentence that has neither the key nor the file's name, which may be a key."""
    key_file.chmod(mode)
    with pytest.raises(StartError, match="everybody on this machine can read") as caught:
        find_keys()
    assert not leaks(caught.value, KEY, RETIRED)
    assert str(key_file) not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no key"),
        (b"# none\n", "holds no key"),
        (b"short", "shorter than 16 bytes"),
        (b"LINKWRAP_KEYS=the current key: long enough", "line 1 of the key file must be one key"),
        (b"one key: long enough,another key: long enough", "line 1 of the key file must be one key"),
        (b"the current\0key: long enough", "must be plain text"),
        (b"a" * 100_000, "must be plain text"),
        (b"linkwrap-host:click.acme.com:short", "not a whole exported key"),
    ],
)
def test_a_file_without_good_keys(key_file: Path, content: bytes, words: str) -> None:
    """The sentence says what is wrong, without a byte of the file."""
    key_file.write_bytes(content)
    with pytest.raises(StartError, match=words):
        find_keys()


def test_keys_of_the_environment(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the two variables is set; an empty one is not."""
    monkeypatch.setenv("LINKWRAP_KEYS", KEY)
    with pytest.raises(StartError, match="both set"):
        find_keys()
    monkeypatch.setenv("LINKWRAP_KEYS_FILE", "")
    assert verifies(KEY)
    monkeypatch.setenv("LINKWRAP_KEYS", "")
    with pytest.raises(StartError, match="no keys: set LINKWRAP_KEYS, or LINKWRAP_KEYS_FILE"):
        find_keys()
    monkeypatch.setenv("LINKWRAP_KEYS_FILE", str(key_file.parent / "nothing"))
    with pytest.raises(StartError, match="No such file"):
        find_keys()
