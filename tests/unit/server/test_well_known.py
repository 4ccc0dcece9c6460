"""Well-known files: which are served, to whom, and which are refused."""

import os
from pathlib import Path

import pytest

from linkwrap.endpoint import Response
from linkwrap.server.files import MAX_BYTES, WellKnownFiles

HOST = "click.acme.com"
APPLE = b'{"applinks": {"details": []}}'


def write(folder: Path, **files: bytes) -> Path:
    """Write files by their path, in which `__` stands for a slash, and return the folder."""
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file of each kind."""
    files = {
        f"{HOST}/apple-app-site-association": APPLE,
        f"{HOST}/assetlinks.json": b"[]",
        f"{HOST}/robots.txt": b"User-agent: *\n",
        "other.example/robots.txt": b"other\n",
        "robots.txt": b"all\n",
        "security.txt": b"Contact: mailto:security@acme.com\n",
        "favicon.ico": b"\0\0\1\0",
    }
    return write(tmp_path / "files", **files)


def get(files: WellKnownFiles, path: str, host: str | None = HOST, method: str = "GET") -> Response | None:
    """Ask for a path; the faults of the folder must be none."""
    assert files.faults == []
    return files.respond(method, path.encode("latin-1"), host)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/.well-known/apple-app-site-association", "application/json"),
        ("/apple-app-site-association", "application/json"),
        ("/.well-known/assetlinks.json", "application/json"),
        ("/.well-known/security.txt", "text/plain; charset=utf-8"),
        ("/security.txt", "text/plain; charset=utf-8"),
        ("/robots.txt", "text/plain; charset=utf-8"),
        ("/favicon.ico", "image/x-icon"),
    ],
)
def test_each_file_has_the_type_that_is_asked_for(folder: Path, path: str, kind: str) -> None:
    """A file comes with its type, is not sniffed, may be cached for a while, and HEAD is alike without the body."""
    files = WellKnownFiles(folder)
    found, head = get(files, path), get(files, path + "?x=1", method="HEAD")
    assert found is not None
    assert head is not None
    assert (found.status, found.headers["Content-Type"]) == (200, kind)
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    assert found.headers["Cache-Control"] == "public, max-age=3600"
    assert found.headers == head.headers
    assert int(found.headers["Content-Length"]) == len(found.body)
    assert (head.body, found.event) == (b"", None)


@pytest.mark.parametrize("host", ["click.acme.com", "CLICK.Acme.COM", "click.acme.com.", "click.acme.com:8443"])
def test_host_has_one_form(folder: Path, host: str) -> None:
    """Upper case, a trailing dot and a port are the same host."""
    found = get(WellKnownFiles(folder), "/robots.txt", host)
    assert found is not None
    assert found.body == b"User-agent: *\n"


STRANGE = [None, "", "..", "../click.acme.com", "%2e%2e", "click.acme.com\0", "\0", "/", "click.acme.com/..", "[::1]",
           "127.0.0.1", "click.acme.com:x", "x" * 100_000, "\xff.example", "a..b", "unknown.example"]  # fmt: skip


@pytest.mark.parametrize("host", STRANGE)
def test_other_hosts_get_only_what_is_for_all(folder: Path, host: str | None) -> None:
    """No spelling of a host leads to another folder, and app links are for their host alone."""
    files = WellKnownFiles(folder)
    found = get(files, "/robots.txt", host)
    assert found is not None
    assert found.body == b"all\n"
    assert get(files, "/.well-known/assetlinks.json", host) is None


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/../robots.txt", "/%2e%2e/robots.txt", "//robots.txt", "/robots.txt/", "/robots.txt\0", "",
        "/ROBOTS.TXT", "/click.acme.com/robots.txt", "/assetlinks.json", "/.well-known/robots.txt", "robots.txt",
        "/f/a/robots.txt", "/robots.txt%00", "/", "/.well-known/linkwrap/robots.txt",
    ],
)  # fmt: skip
def test_other_paths_are_no_files(folder: Path, path: str) -> None:
    """Only the paths of the list lead to a file."""
    assert get(WellKnownFiles(folder), path) is None


def test_other_methods_are_not_answered(folder: Path) -> None:
    """A POST to a file is none of them."""
    assert get(WellKnownFiles(folder), "/robots.txt", method="POST") is None


def test_without_a_folder_there_are_none() -> None:
    """Without a file the endpoint answers, with 404."""
    assert get(WellKnownFiles(None), "/robots.txt") is None


def test_a_picture_is_a_picture(tmp_path: Path) -> None:
    """A favicon that is a PNG is sent as one: its type is not sniffed."""
    found = get(WellKnownFiles(write(tmp_path, **{"favicon.ico": b"\x89PNG\r\n\x1a\n..."})), "/favicon.ico")
    assert found is not None
    assert found.headers["Content-Type"] == "image/png"


def test_links_within_the_folder_are_followed(tmp_path: Path) -> None:
    """A folder as Kubernetes mounts it: names are links into a hidden folder, which is left out."""
    write(tmp_path, **{"..data/robots.txt": b"all\n", ".DS_Store": b"x"})
    (tmp_path / "robots.txt").symlink_to("..data/robots.txt")
    found = get(WellKnownFiles(tmp_path), "/robots.txt")
    assert found is not None
    assert found.body == b"all\n"


FAULTS = {
    "misspelled": ({"asset-links.json": b"[]"}, "is not served: the names are "),
    "app links for all": ({"assetlinks.json": b"[]"}, "must be in a folder with the name of its host"),
    "apple for all": ({"apple-app-site-association": APPLE}, "must be in a folder with the name of its host"),
    "no JSON": ({f"{HOST}/assetlinks.json": b"[{,}]"}, "is not a JSON array"),
    "deep JSON": ({f"{HOST}/assetlinks.json": b"[" * 100_000}, "is not a JSON array"),
    "other JSON": ({f"{HOST}/apple-app-site-association": b"[]"}, "is not a JSON object"),
    "no UTF-8": ({"robots.txt": b"\xff"}, "is not UTF-8"),
    "large": ({"favicon.ico": b"x" * (MAX_BYTES + 1)}, "is larger than 131,072 bytes"),
    "no host": ({"acme/robots.txt": b""}, "is not a host name"),
    "address": ({"127.0.0.1/robots.txt": b""}, "is not a host name"),
    "twice": ({f"{HOST}/robots.txt": b"", "Click.Acme.com/robots.txt": b""}, "are the same host"),
    "folder in a folder": ({f"{HOST}/robots.txt/x": b""}, "is not a regular file"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_told(tmp_path: Path, name: str) -> None:
    """A file that would not be served as somebody expects is one sentence, and is not served."""
    content, words = FAULTS[name]
    files = WellKnownFiles(write(tmp_path, **content))
    assert len(files.faults) == 1
    assert words in files.faults[0]
    for host in ("other.example", HOST) if name != "twice" else ():
        assert files.respond("GET", "/robots.txt", host) is None
        assert files.respond("GET", "/.well-known/assetlinks.json", host) is None


@pytest.mark.parametrize("kind", ["file", "folder", "device", "fifo", "nowhere"])
def test_what_leads_out_of_the_folder_or_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    """No link leads to what is outside, and nothing waits for a fifo or reads a device."""
    outside = write(tmp_path / "outside", **{"robots.txt": b"secret"})
    inside = tmp_path / "inside"
    (inside / HOST).mkdir(parents=True)
    path = inside / HOST / "robots.txt"
    if kind == "file":
        path.symlink_to(outside / "robots.txt")
    elif kind == "folder":
        (inside / "other.example").symlink_to(outside)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("robots.gone")
    files = WellKnownFiles(inside)
    assert len(files.faults) == 1
    assert files.respond("GET", "/robots.txt", HOST) is None
    assert files.respond("GET", "/robots.txt", "other.example") is None


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A mistyped folder is a fault."""
    [fault] = WellKnownFiles(tmp_path / "gone").faults
    assert "cannot read the folder" in fault
