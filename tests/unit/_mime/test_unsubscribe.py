"""One-click unsubscribe (RFC 8058): the headers, and what the endpoint does with who follows them."""

import copy
import email
import email.policy
import pickle
import re
import time
from email.message import EmailMessage, Message
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from helpers import tokens
from linkwrap import DomainError, InvalidToken, LinkWrapper, OptionError, Resolver, SigningKeys, TrackingDomain
from linkwrap._token import wire
from linkwrap.endpoint import MAX_BODY, Response, _is_one_click, respond
from linkwrap.resolver import Unsubscribe

KEYS = SigningKeys("the key of one-click unsubscribe")
RESOLVER = Resolver(KEYS)
HOST = "click.acme.com"
WRAPPER = LinkWrapper(KEYS, account_id="acme", tracking_domain=HOST)
METADATA = {"list": "news", "rcpt": "r-42"}
BODY = b"List-Unsubscribe=One-Click"
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\nContent-Type: text/plain\r\n\r\n'
    b"One-Click\r\n--x--\r\n"
)


def unsubscribe_path(keys: SigningKeys = KEYS) -> str:
    """The path of a one-click URL."""
    return (
        LinkWrapper(keys, account_id="acme", tracking_domain=HOST)
        .unsubscribe_url(METADATA)
        .removeprefix(f"https://{HOST}")
    )


PATH = unsubscribe_path()


def request(method: str = "POST", path: str = PATH, body: bytes = BODY, host: str = HOST, **headers: str) -> Response:
    """What the endpoint answers."""
    return respond(RESOLVER, method=method, raw_path=path, host=host, headers=headers, body=body)


def as_json(response: Response) -> dict[str, Any]:
    """The event of a response that must have one."""
    assert response.event is not None
    return response.event.as_dict()


def test_headers() -> None:
    """The two headers of the RFC, with a URL on the tracking domain and, if there is one, an address."""
    headers = WRAPPER.unsubscribe_headers(METADATA)
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.fullmatch(r"<https://click\.acme\.com/u/2[A-Za-z0-9._-]+>", headers["List-Unsubscribe"])
    assert set(headers) == {"List-Unsubscribe", "List-Unsubscribe-Post"}
    for mailto in ("leave@acme.com?subject=news", "mailto:leave@acme.com?subject=news"):
        value = WRAPPER.unsubscribe_headers(METADATA, mailto=mailto)["List-Unsubscribe"]
        assert value.endswith(">, <mailto:leave@acme.com?subject=news>")


@pytest.mark.parametrize("message", [EmailMessage(), EmailMessage(policy=email.policy.SMTP), Message()], ids=type)
def test_headers_survive_the_standard_library(message: Message) -> None:
    """A long URL is written as it is, however the message writes its headers; encoded words are no URL to anyone."""
    for name, value in WRAPPER.unsubscribe_headers({"ids": "x" * 500}, mailto="leave@acme.com").items():
        message[name] = value
    raw = copy.deepcopy(message).as_bytes()
    assert b"=?" not in raw
    read = email.message_from_bytes(raw)["List-Unsubscribe"]
    url, mailto = re.findall("<([^>]+)>", read)
    assert RESOLVER.resolve_unsubscribe(url).metadata == {"ids": "x" * 500}
    assert mailto == "mailto:leave@acme.com"
    assert max(map(len, raw.splitlines())) <= 998


def test_headers_are_plain_strings() -> None:
    """They can be handed to any API, and pickled."""
    headers = WRAPPER.unsubscribe_headers(METADATA)
    assert all(isinstance(value, str) for value in headers.values())
    assert pickle.loads(pickle.dumps(headers)) == headers  # noqa: S301


@pytest.mark.parametrize(
    "mailto",
    [
        "",
        "leave",
        "leave@acme.com>, <https://evil.test",
        "a@b\r\nBcc: x@y.test",
        "ü@acme.com",
        "a b@c.test",
        "@acme.com",
    ],
)
def test_bad_mailto(mailto: str) -> None:
    """What is no address gets into no header."""
    with pytest.raises(OptionError, match="mailto must be an address"):
        WRAPPER.unsubscribe_headers(METADATA, mailto=mailto)


def test_only_over_https() -> None:
    """The RFC asks for https."""
    domain = TrackingDomain(HOST, secure=False, verified=True)
    with pytest.raises(DomainError, match="https"):
        WRAPPER.unsubscribe_headers(METADATA, tracking_domain=domain)


def test_url_that_fits_no_header_line() -> None:
    """A URL cannot be folded, so metadata that makes it too long is refused."""
    with pytest.raises(OptionError, match="too long for the List-Unsubscribe header"):
        WRAPPER.unsubscribe_headers({"x": "€" * 160})


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        b"a=b&List-Unsubscribe=One-Click&c=d",
        FORM,
        FORM.replace(b"\r\n", b"\n"),
        b"\r\n--y\r\ncontent-disposition: form-data; name=other\r\n\r\nx\r\n" + FORM.replace(b"--x", b"--y"),
    ],
)
def test_post_unsubscribes(body: bytes) -> None:
    """The pair, as a form of either kind, is the reader's wish: it is answered, not redirected, and recorded."""
    response = request(body=body)
    assert response.status == 200
    assert "Location" not in response.headers
    assert response.headers["Cache-Control"] == "no-store"
    event = as_json(response)
    assert (event["type"], event["rcpt_meta"], event["account_id"]) == ("list_unsubscribe", METADATA, "acme")
    assert (event["machine"], event["target_link_url"], event["expired"]) == (False, None, False)


def test_post_of_a_mail_service_is_no_machine() -> None:
    """The service acts for the reader, whatever headers it sends."""
    event = as_json(request(Purpose="prefetch"))
    assert (event["type"], event["machine"]) == ("list_unsubscribe", False)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"List-Unsubscribe=One-Clicks",
        b"xList-Unsubscribe=One-Click",
        b"List-Unsubscribe=",
        BODY + b"&" + b"x" * MAX_BODY,
        FORM.replace(b"One-Click", b"No"),
        FORM.replace(b"List-Unsubscribe", b"List"),
        b"--" * 2000,
        b"--\r\nContent-Disposition:" + b";" * 4000,
    ],
)
def test_post_without_the_pair(body: bytes) -> None:
    """A POST that does not say so is refused, and nothing is recorded."""
    response = request(body=body)
    assert (response.status, response.event) == (400, None)


# The pair as it was looked for until now: right, and quadratic.
PAIR = re.compile(
    rb"(?:.*&)?List-Unsubscribe=One-Click(?:&.*)?"
    rb"|[\r\n]*--.*[\r\n]Content-Disposition:[^\r\n]*;[\t ]*name=\"?List-Unsubscribe\"?[^\r\n]*\r?\n"
    rb"(?:[^\r\n]+\r?\n)*+\r?\nOne-Click[\r\n]*(?:--.*)?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
PIECES = [
    *(b"--x", b"--", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\n\n", b"&", b"=", b";", b" ", b"\t", b"a", b"\0", b"\xff"),
    *(
        b"Content-Disposition: form-data",
        b"content-disposition:",
        b'; name="List-Unsubscribe"',
        b";name=list-unsubscribe",
    ),
    *(
        b"Content-Type: text/plain",
        b"One-Click",
        b"one-click",
        b"List-Unsubscribe=One-Click",
        b"LIST-UNSUBSCRIBE=",
        FORM,
    ),
]


@given(st.lists(st.sampled_from(PIECES), max_size=16).map(b"".join))
@example(b"--\nContent-Disposition:;name=List-Unsubscribe\n\nOne-Click")
@example(b"--\nContent-Disposition:;name=List-Unsubscribe\r\r\n\r\nOne-Click")
@example(b"--\rContent-Disposition:;name=List-Unsubscribe\n\n\nOne-Click")
@example(FORM + FORM)
@example(FORM.replace(b"One-Click", b"No") + FORM)
def test_post_is_taken_as_the_rfc_says(body: bytes) -> None:
    """The pair is found in linear time where the pattern of RFC 8058's examples finds it, and nowhere else."""
    assert request(body=body).status == (200 if PAIR.fullmatch(body) else 400)


HOSTILE = [
    (b"--\r\nContent-Disposition:", b";name=List-Unsubscribe"),
    (b"--", b"\r\nContent-Disposition:;name=List-Unsubscribe"),
    (b"--", b"\r\nContent-Disposition:;name=List-Unsubscribe\r\n\r\n"),
    (b"--", b"\r\nContent-Disposition:;name=List-Unsubscribe\r\n\r\nOne-Click\r\n"),
    (b"--\nContent-Disposition:;name=List-Unsubscribe\n\nOne-Click", b"\r\n"),
    (b"--\nContent-Disposition:", b";\t \t \t \t"),
    (b"--\nContent-Disposition:;", b"\t"),
    *((b"", piece) for piece in (b"--x\r\n", b"&", b"\r", b"\n", b"--", b"List-Unsubscribe=One-Click", b"a=b&", b";")),
    (b"--", b"\r"),
    (b"--", b"\n"),
    (b"--\nContent-Disposition:;name=List-Unsubscribe", b"\na"),
]


@pytest.mark.parametrize(("begin", "piece"), HOSTILE, ids=lambda part: repr(part[:30]))
def test_hostile_post_costs_linear_time(begin: bytes, piece: bytes) -> None:
    """A body of megabytes, which `respond` refuses unread, would cost as much for each byte as a small one."""
    start = time.process_time()
    assert not _is_one_click((begin + piece * (1_000_000 // len(piece)) + b"x").lower())
    assert time.process_time() - start < 2  # the pattern took minutes
    body = begin + piece * ((MAX_BODY - len(begin)) // len(piece) - 1) + b"x"
    assert (request(body=body).status, request(body=begin + piece * MAX_BODY).status) == (400, 400)


@pytest.mark.parametrize("name", ["Transfer-Encoding", "TRANSFER-ENCODING", "transfer-encoding"])
def test_post_whose_body_could_not_be_read_asks_for_a_length(name: str) -> None:
    """The wish is not lost on a server that reads no chunks: 411 tells the mail service to send it with a length."""
    headers = {name: "chunked"}
    response = respond(RESOLVER, method="POST", raw_path=PATH, host=HOST, headers=headers)
    assert (response.status, response.event) == (411, None)
    assert response.headers["Cache-Control"] == "no-store"
    read = respond(RESOLVER, method="POST", raw_path=PATH, host=HOST, headers=headers, body=BODY)
    assert (read.status, as_json(read)["type"]) == (200, "list_unsubscribe")
    empty = respond(RESOLVER, method="POST", raw_path=PATH, host=HOST, headers=headers | {"Content-Length": "0"})
    assert (empty.status, empty.event) == (400, None)
    forged = respond(RESOLVER, method="POST", raw_path=PATH[:-1], host=HOST, headers=headers)
    assert forged.status == 404


def test_get_only_asks() -> None:
    """Whoever opens the URL, a scanner above all, unsubscribes nobody: there is a page with a button that posts."""
    response = request("GET", body=BODY)
    assert (response.status, response.event) == (200, None)
    assert "Location" not in response.headers
    assert b'<form method="post">' in response.body
    assert b'name="List-Unsubscribe" value="One-Click"' in response.body
    assert b"<script" not in response.body
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    head = request("HEAD")
    assert (head.status, head.body, head.event) == (200, b"", None)
    assert head.headers == response.headers


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "post", ""])
def test_other_methods(method: str) -> None:
    """Nothing else is allowed."""
    response = request(method)
    assert (response.status, response.headers["Allow"], response.event) == (405, "GET, HEAD, POST", None)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_forged_url(method: str) -> None:
    """A URL that does not verify is not found, by any method."""
    forged = PATH[:-1] + ("A" if PATH[-1] != "A" else "B")
    for path in (forged, "/u/", "/u/2x", unsubscribe_path(SigningKeys("some other key, also long")), PATH + "/x"):
        response = request(method, path)
        assert (response.status, response.event) == (404, None)
    assert request(method, host="other.acme.com").status == 404
    assert request(method, host="").status == 404


def test_kinds_are_apart() -> None:
    """No token of one kind does the work of another: a link unsubscribes nobody, and an unsubscribe URL is no link."""
    context = wire.encode_context("acme", 1, METADATA)
    (click,) = tokens.click_urls(KEYS, "", HOST, context, [(wire.encode_link("https://shop.test/"), "a")])
    pixel = tokens.open_url(KEYS, "", HOST, context)
    for path in (click, pixel):
        assert request(path="/u/" + path.rpartition("/")[2]).status == 404
        with pytest.raises(InvalidToken, match="not an unsubscribe URL") as raised:
            RESOLVER.resolve_unsubscribe(f"https://{HOST}{path}")
        assert raised.value.reason == "kind"
    for shape in ("/f/a/", "/q/"):
        with pytest.raises(InvalidToken):
            RESOLVER.resolve_path(HOST, shape + PATH.removeprefix("/u/"))
    for resolve in (RESOLVER.resolve_click, RESOLVER.resolve_open):
        with pytest.raises(InvalidToken, match="an unsubscribe URL") as raised:
            resolve(f"https://{HOST}{PATH}")
        assert raised.value.reason == "kind"


def test_resolved_by_hand() -> None:
    """An own endpoint reads what a POST came for."""
    found = RESOLVER.resolve_unsubscribe(f"https://{HOST}:443{PATH}")
    assert found == RESOLVER.resolve(f"https://{HOST}{PATH}") == RESOLVER.resolve_path(f"{HOST}:443", PATH)
    assert isinstance(found, Unsubscribe)
    assert (found.account_id, found.metadata, found.host, found.expired) == ("acme", METADATA, HOST, False)


def test_old_url_still_unsubscribes() -> None:
    """A reader may leave after years; the event says that it is late."""
    path = wire.unsubscribe_url(KEYS, "", HOST, wire.encode_context("acme", 1, METADATA))
    event = as_json(request(path=path))
    assert (event["type"], event["expired"], event["sent_at"]) == ("list_unsubscribe", True, 1)


def test_header_stays_what_it_is_as_text() -> None:
    """Code that calls `str` on header values, as web frameworks do, gets the value that folds itself."""
    value = WRAPPER.unsubscribe_headers(METADATA)["List-Unsubscribe"]
    assert type(str(value)) is type(value)
    assert str(value) == value
