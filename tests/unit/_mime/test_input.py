"""What a file holds: the sender of a message."""

import pytest

from linkwrap._mime.input import sending_domain


@pytest.mark.parametrize(
    ("header", "domain"),
    [
        (b"From: a@acme.test", "acme.test"),
        (b"FROM:a@Acme.Test", "Acme.Test"),
        (b'From: "A, <b@c.test>" <a@acme.test>', "acme.test"),
        (b"From: =?utf-8?q?J=C3=B6rg?=\r\n <a@acme.test>", "acme.test"),
        (b"From: a@acme.test, b@other.test\r\nSender: c@sender.test", "acme.test"),
        (b"From: Team: a@acme.test;", "acme.test"),
        (b"From x@envelope.test Mon\nFrom: a@acme.test", "acme.test"),
        (b"From: a@m\xc3\xbcller.test", None),
        (b"Subject: x", None),
        (b"From:", None),
        (b"From: undisclosed", None),
        (b"From: <>", None),
        (b"From: @", None),
        (b"From: a@", None),
        (b'From: "', None),
        (b"From: (((((", None),
        (b"From: =?x?", None),
        (b"From: \x00\xff\xfe <", None),
        (b"From: " + b"(" * 100_000, None),
        (b"From: " + b"a@b.test," * 100_000, None),
        (b"Subject: x\r\n\r\nFrom: a@body.test", None),
        (b"", None),
    ],
)
def test_sending_domain(header: bytes, domain: str | None) -> None:
    """The domain is that of the first From address; a field that cannot be read has none, and never fails."""
    found = sending_domain(header + b"\r\n\r\nFrom: x@body.test\r\n")
    if domain is None:
        assert found is None or not found.isascii()
    else:
        assert found == domain
