"""Golden emails: what goes in, and byte for byte what comes out. `make golden` renews them."""

import re

import pytest

from emails.renew import CASES, FOLDER, read, readable, rewrap


@pytest.mark.parametrize("case", CASES)
def test_comes_out_as_expected(case: str) -> None:
    """The wrapped mail is the golden one to the byte."""
    assert readable(rewrap(case)(read(case))) == (FOLDER / case / "expected.html").read_bytes()


@pytest.mark.parametrize("case", CASES)
def test_wrapping_again_changes_nothing(case: str) -> None:
    """A mail that passes a second wrapper has no link wrapped twice and no second pixel."""
    wrap = rewrap(case)
    once = wrap(read(case))
    assert wrap(once) == once


def test_every_folder_is_a_case() -> None:
    """No folder is left out by a misspelled file name."""
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(CASES)
    assert {path.parent.name for path in FOLDER.glob("*/expected.html")} == folders


@pytest.mark.parametrize("case", CASES)
def test_golden_mail_holds_no_token(case: str) -> None:
    """An expected mail shows destinations, so that it can be read and does not depend on the build of zlib."""
    expected = (FOLDER / case / "expected.html").read_bytes().replace(b"\0", b"")
    assert not re.search(rb"https://click\.acme\.test/(?:f/[A-Za-z0-9_-]+|q)/[^{]", expected)
