"""Files that others look for on a tracking domain, such as those of app links; and reading a folder of such files.

A folder holds HOST/NAME for a host, and NAME for all. It is read once, so no path is made from a request: host and
name are looked up in what was read. What is no regular file, or lies outside of the folder, is a fault.
"""

import json
import os
import re
import stat
from collections.abc import Callable
from typing import Final

from .._hosts import host_name
from ..endpoint import Response

MAX_BYTES: Final = 131_072
"""Of one file: Apple's own bound."""
_MAX_ALL: Final = 33_554_432
_AUTHORITY = re.compile(r"([^:\[\]]{1,255})(?::[0-9]{0,5})?", re.ASCII)
_APPLE, _GOOGLE = "apple-app-site-association", "assetlinks.json"
_TYPES: Final = {
    _APPLE: "application/json",
    _GOOGLE: "application/json",
    "security.txt": "text/plain; charset=utf-8",
    "robots.txt": "text/plain; charset=utf-8",
    "favicon.ico": "image/x-icon",
}
_SHAPES: Final[dict[str, tuple[type, str]]] = {_APPLE: (dict, "a JSON object"), _GOOGLE: (list, "a JSON array")}
_PATHS: Final = {
    f"/.well-known/{_APPLE}": _APPLE,
    f"/{_APPLE}": _APPLE,
    f"/.well-known/{_GOOGLE}": _GOOGLE,
    "/.well-known/security.txt": "security.txt",
    "/security.txt": "security.txt",
    "/robots.txt": "robots.txt",
    "/favicon.ico": "favicon.ico",
}
_PNG = b"\x89PNG\r\n\x1a\n"

Check = Callable[[str, str, bytes], str | None]
"""Of a host (empty for all), a name and the content, says what is wrong with the file."""


class WellKnownFiles:
    """The files of a folder, ready to be sent.

    Args:
        folder: The folder; None has no files.

    Attributes:
        faults: A sentence for each file that is not sent.
    """

    def __init__(self, folder: str | os.PathLike[str] | None) -> None:
        self.faults: list[str]
        self._found, self.faults = ({}, []) if folder is None else read_folder(folder, _fault)

    def respond(self, method: str, raw_path: bytes | str, host: str | None) -> Response | None:
        """Return the response to a request for one of the files; None if it is for something else."""
        path = raw_path.decode("latin-1") if isinstance(raw_path, bytes) else raw_path
        name = _PATHS.get(path.partition("?")[0])
        if name is None or method not in ("GET", "HEAD"):
            return None
        body = self._found.get((host_of(host), name))
        if body is None:
            body = self._found.get(("", name))
        if body is None:
            return None
        headers = {
            "Content-Type": "image/png" if name == "favicon.ico" and body.startswith(_PNG) else _TYPES[name],
            "Content-Length": str(len(body)),
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "public, max-age=3600",
        }
        return Response(200, headers, b"" if method == "HEAD" else body)


def host_of(authority: str | None) -> str:
    """Return the host of `HOST` or `HOST:PORT` in its one form; an empty one for what is not a host name."""
    found = _AUTHORITY.fullmatch(authority or "")
    if found is not None and found[1].isascii():
        try:
            return host_name(found[1])
        except ValueError:
            pass
    return ""


def read_folder(folder: str | os.PathLike[str], check: Check) -> tuple[dict[tuple[str, str], bytes], list[str]]:
    """Return the files of a folder and of the hosts in it, by host and name, and a sentence for each fault.

    Names that begin with a dot are left out.

    Args:
        folder: The folder.
        check: Says what is wrong with a file.
    """
    found: dict[tuple[str, str], bytes] = {}
    faults: list[str] = []
    root = os.path.realpath(folder)
    places: list[tuple[str, str]] = []  # the host and the path of each file
    hosts: dict[str, str] = {"": root}
    for name in _names(root, faults):
        path = os.path.join(root, name)
        if not os.path.isdir(path):
            places.append(("", path))
        elif not _is_within(root, path):
            faults.append(f"{path!r} leads out of the folder")
        elif not (host := host_of(name)):
            faults.append(f"the name of the folder {path!r} is not a host name")
        elif hosts.setdefault(host, path) != path:
            faults.append(f"{hosts[host]!r} and {path!r} are the same host")
        else:
            places += [(host, os.path.join(path, inner)) for inner in _names(path, faults)]
    left = _MAX_ALL
    for host, path in places:
        name = os.path.basename(path)
        content, fault = _read(root, path)
        fault = fault or check(host, name, content)
        left -= len(content)
        if fault is None and left < 0:
            fault = f"does not fit: all files together may have {_MAX_ALL:,} bytes"
        if fault is not None:
            faults.append(f"{path!r} {fault}")
        else:
            found[host, name] = content
    return found, faults


def _names(folder: str, faults: list[str]) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError as error:
        faults.append(f"cannot read the folder {folder!r}: {error.strerror}")
        return []


def _is_within(root: str, path: str) -> bool:
    return os.path.commonpath((root, os.path.realpath(path))) == root


def _read(root: str, path: str) -> tuple[bytes, str | None]:
    """Return what a file holds, and what is wrong with it."""
    if not _is_within(root, path):
        return b"", "leads out of the folder"
    try:
        real = os.path.realpath(path)
        if not stat.S_ISREG(os.stat(real).st_mode):  # to open a device can do something
            return b"", "is not a regular file"
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(real, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return b"", "is not a regular file"
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        return b"", f"cannot be read: {error.strerror}"
    return (b"", f"is larger than {MAX_BYTES:,} bytes") if len(content) > MAX_BYTES else (content, None)


def _fault(host: str, name: str, content: bytes) -> str | None:
    if name not in _TYPES:
        return f"is not served: the names are {', '.join(_TYPES)}"
    if name not in _SHAPES:
        return None if name == "favicon.ico" or _is_utf8(content) else "is not UTF-8"
    if not host:
        return "must be in a folder with the name of its host: it gives an app the links of that host"
    shape, words = _SHAPES[name]
    try:
        right = isinstance(json.loads(content), shape)
    except (ValueError, RecursionError):
        right = False
    return None if right else f"is not {words}"


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
