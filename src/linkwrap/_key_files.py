"""Files with keys: one a line, the current one first; empty lines and those that begin with # do not count."""

import os
import stat
from typing import Final

_MAX_BYTES: Final = 1 << 16
_VARIABLE: Final = b"LINKWRAP_KEYS="


def read_key_file(name: str) -> tuple[list[bytes], str, bool]:
    """Return the keys in a file; if there are none, what is wrong with it; and whether everybody can read it.

    No message names the file: whoever gives a key in place of a file name would find the key in a log.

    Raises:
        OSError: The file cannot be read.
    """
    # A traceback may show the variables of a frame: no function that can fail has a key in one.
    with open(name, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        keys, fault = _entries(file.read(_MAX_BYTES + 1))
    return keys, fault, os.name == "posix" and stat.S_ISREG(mode) and bool(mode & stat.S_IROTH)


def _entries(content: bytes) -> tuple[list[bytes], str]:
    if len(content) > _MAX_BYTES or b"\0" in content:
        return [], "the key file must be plain text with one key a line"
    lines = [line.strip() for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    keys = [line for line in lines if line and not line.startswith(b"#")]
    for number, line in enumerate(lines, 1):
        if line in keys and (b"," in line or line.startswith(_VARIABLE)):
            return [], f"line {number} of the key file must be one key, without a comma or a variable"
    return keys, "the key file holds no key; linkwrap keygen prints one"
