"""The documents that are timed: every HTML body of the corpus of real email, or of this repository's own examples.

`LINKWRAP_CORPUS` names the corpus folder; without one, and without the usual place, the golden emails of the tests and
the example newsletter stand in for it.
"""

import email
import email.policy
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bs4.dammit import UnicodeDammit
from lxml.html import document_fromstring

ROOT = Path(__file__).parents[1]
CORPUS = Path(os.environ.get("LINKWRAP_CORPUS") or ROOT.parent / "shared" / "corpus")


@dataclass(frozen=True, slots=True)
class Document:
    """An HTML body as a sender holds it: as bytes, as text, and as what lxml takes."""

    name: str
    data: bytes
    text: str
    for_lxml: str | bytes
    """The text; the bytes where an XML declaration names an encoding, which lxml refuses in a `str`."""


def read_documents() -> tuple[str, list[Document]]:
    """Return where the documents are from, in words, and the documents."""
    if CORPUS.is_dir():
        found = [*_bodies(CORPUS)]
        return f"{len(found)} HTML bodies of real email (the corpus)", found
    found = [*_bodies(ROOT / "tests" / "emails"), *_bodies(ROOT / "examples")]
    return (
        f"{len(found)} example emails of this repository, most of them tiny: "
        f"the corpus of real email is not at {CORPUS}, set LINKWRAP_CORPUS"
    ), found


def _bodies(folder: Path) -> Iterator[Document]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix in {".html", ".htm"} and path.name != "expected.html":
            yield _document(name, path.read_bytes(), None)
        elif path.suffix == ".eml":
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.compat32)
            for number, part in enumerate(message.walk()):
                content = part.get_payload(decode=True) if part.get_content_type() == "text/html" else None
                if isinstance(content, bytes) and content.strip():
                    yield _document(f"{name}#{number}", content, part.get_content_charset())


def _document(name: str, data: bytes, charset: str | None) -> Document:
    text = UnicodeDammit(data, [charset] if charset else [], is_html=True).unicode_markup or data.decode("latin-1")
    try:
        document_fromstring(text)
    except ValueError:
        return Document(name, data, text, data)
    return Document(name, data, text, text)
