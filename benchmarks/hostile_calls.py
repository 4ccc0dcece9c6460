"""Hostile input for the entry points beside `wrap`: plain text, messages, wrapped mail, redirect URLs and requests.

Each case makes an input for a size `n`, as those of `hostile.py` do. Twice the size gives twice the input, or one that
is refused because of its length.
"""

from collections.abc import Callable
from email import message_from_string
from email.message import EmailMessage, Message
from functools import cache
from typing import Any

from hostile import Case, _bytes, _encoded, _halves, _numbered, _repeated
from ways import WRAPPER, metadata

Make = Callable[[int], Any]

BOUNDARY = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n'
HTML_HEAD = "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n"
LINK = "<p><a href=http://a.b/>x</a>"

TEXTS: dict[str, Case] = {
    "URLs": _repeated("http://a.b/ "),
    "URLs, other ones": _numbered("http://a.b/{} "),
    "URLs without space": _repeated("http://a.b/"),
    "URLs in one another": _repeated("?http://"),
    "URLs behind commas": _repeated("http://a.b/,"),
    "schemes": _repeated("http"),
    "schemes, no host": _repeated("http:// "),
    "schemes, a host that ends at once": _repeated("http://("),
    "long URL": _repeated("a", head="http://a.b/"),
    "long URL, escapes": _repeated("%41", head="http://a.b/"),
    "long host": _repeated("a", head="http://"),
    "long host, dots": _repeated("a.", head="http://"),
    "long user": _repeated("a@", head="http://", tail="a.b/"),
    "sentence punctuation": _repeated(".", head="http://a.b/"),
    "sentence punctuation, a URL each": _repeated("http://a.b/...,,,"),
    "parentheses open": _repeated("(", head="http://a.b/"),
    "parentheses closed": _repeated(")", head="http://a.b/"),
    "parentheses": _halves("(", ")", middle="http://a.b/"),
    "parentheses in pairs": _repeated("()", head="http://a.b/"),
    "brackets open": _repeated("[", head="http://a.b/"),
    "brackets closed": _repeated("]", head="http://a.b/"),
    "brackets nested": lambda n: "http://a.b/" + "[a" * (n // 2) + "]" * (n // 2),
    "brackets, controls": _repeated('http://a.b/[[data-msys-linkname="x"]] '),
    "brackets, controls behind one another": _repeated('[[data-msys-linkname="x"]]', head="http://a.b/"),
    "brackets, controls that stay": _repeated('[[data-msys-unsubscribe="1"]]', head='"http://a.b/"', tail="x"),
    "brackets, many in one": _repeated(' data-msys-linkname="x"', head="http://a.b/[[", tail="]]"),
    "brackets, a long value": _repeated("x", head='http://a.b/[[data-msys-linkname="', tail='"]]'),
    "brackets, never closed": _repeated('[[data-msys-linkname="x" ', head="http://a.b/"),
    "brackets, spaces": _repeated(" ", head="http://a.b/[[data-msys-linkname", tail='="x"]]'),
    "placeholders": _repeated("{{x}}", head="http://a.b/"),
    "placeholders open": _repeated("{{", head="http://a.b/"),
    "placeholders open, a URL each": _repeated("http://a.b/{{x "),
    "placeholders, percent": _repeated("{%", head="http://a.b/"),
    "placeholders, <%": _repeated("<%", head="http://a.b/"),
    "placeholders, *|": _repeated("*|", head="http://a.b/"),
    "placeholders, ${": _repeated("${", head="http://a.b/"),
    "placeholders, %": _repeated("%a", head="http://a.b/"),
    "placeholders, #": _repeated("##a", head="http://a.b/"),
    "placeholders, ((": _repeated("((a", head="http://a.b/"),
    "placeholders, % and words": _repeated("a ", head="http://a.b/%a"),
    "placeholders, % and words, many": _repeated("%a b ", head="http://a.b/"),
    "placeholders, % and encoded spaces": _repeated("%a%20", head="http://a.b/"),
    "placeholders, % and words in hosts": _repeated("http://%a b "),
    "placeholders, % in a port": _repeated("%aaa", head="http://a.b:"),
    "placeholders, *%7C": _repeated("*%7Ca", head="http://a.b/"),
    "arrays": _repeated("[[1,2],", head="http://a.b/?q="),
    "arrays, never closed": _repeated("[[1", head="http://a.b/"),
    "arrays, closed": lambda n: "http://a.b/" + "[[1" * n + "]]" * n,
    "arrays before brackets": _repeated('http://a.b/[[1]][[data-msys-linkname="x"]] '),
    "JSON, line breaks": _repeated("{%0A", head="http://a.b/"),
    "IPv6, brackets": _repeated("[a::", head="http://a.b/"),
    "braces around URLs": _repeated("{x|http://a.b/"),
    "braces open before a URL": _repeated("{", tail="http://a.b/"),
    "braces open before URLs": _halves("{", "http://a.b/ "),
    "braces around URLs, closed once": _repeated("{http://a.b/", tail="}"),
    "angle brackets": _repeated("<http://a.b/>"),
    "angle brackets, lines": _repeated("<http://a.b/\n"),
    "angle brackets open": _repeated("<http://a.b/"),
    "lines": _repeated("http://a.b/\r\n"),
    "not ASCII": _repeated("http://a.b/é "),
    "not ASCII, one URL": _repeated("é", head="http://a.b/"),
    "not ASCII, one line": _repeated("é http://a.b/é "),
    "forged": _repeated("http://a.b/f/a/2AAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA "),
    "spaces": _repeated(" ", head="http://a.b/", tail="x"),
    "://": _repeated("://"),
}

TEXTS_AS_BYTES: dict[str, Case] = {
    "UTF-16": _encoded(_repeated("http://a.b/é "), "utf-16"),
    "UTF-8, invalid": _bytes(b"http://a.b/\xff "),
    "UTF-8, one invalid line": _bytes(b"\xc3\xa9\xff", head=b"http://a.b/"),
    "ISO-2022-JP": _bytes(b"\x1b$B0!\x1b(Bhttp://a.b/\x1b$B0!\x1b(B "),
    "ISO-2022-JP, escapes": _bytes(b"\x1b$B", head=b"http://a.b/"),
    "Shift_JIS": _bytes(b"http://a.b/\x83\x5c\x81\x42 "),
    "Shift_JIS, one URL": _bytes(b"\x83\x5c", head=b"http://a.b/"),
    "GB 18030": _bytes(b"\x81\x30\x81\x30", head=b"http://a.b/"),
    "NUL bytes": _bytes(b"http://a.b/\0"),
}


def _message(head: str, unit: str, tail: str = "") -> Case:
    return lambda n: (head + unit * n + tail).encode("latin-1")


def _numbered_message(head: str, unit: str, tail: str = "") -> Case:
    return lambda n: (head + "".join([unit.format(number) for number in range(n)]) + tail).encode("latin-1")


def _body(encoding: str, unit: bytes, head: bytes = b"", tail: bytes = b"") -> Case:
    start = f"{HTML_HEAD}Content-Transfer-Encoding: {encoding}\n\n".encode()
    return lambda n: start + head + unit * n + tail


def _nested(n: int) -> bytes:
    """Return multiparts in one another, as deep as may be, and then as many levels that are too deep."""
    heads = [f"Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n" for level in range(n)]
    return ("".join(heads) + HTML_HEAD + "\n" + LINK).encode()


def _deep(levels: int) -> Case:
    """Return a function that makes one body below that many multiparts, with many lines that begin as their ends do."""
    heads = "".join([f"Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n" for level in range(levels)])
    return _message(heads + HTML_HEAD + "\n", "\n--b", LINK)


HTML_PART = f"--b\n{HTML_HEAD}\n{LINK}\n"
SEMICOLONS = "--b\nContent-Type: text/html" + ";" * 4000 + "\n\nx\n"
PARAMETERS = "--b\nContent-Type: text/html" + "; a=b" * 800 + "\n\nx\n"
CONTINUATIONS = "--b\nContent-Disposition: inline" + "".join([f"; filename*{i}*=a" for i in range(200)]) + "\n\nx\n"
QUOTES = '--b\nContent-Type: text/html; a="' + '\\"' * 1900 + "\n\nx\n"

MESSAGES: dict[str, Case] = {
    "parts, empty": _message(BOUNDARY + HTML_PART, "--b\n\n"),
    "parts, without a blank line": _message(BOUNDARY + HTML_PART, "--b\n"),
    "parts, CRLF": lambda n: (BOUNDARY + HTML_PART + "--b\n\n\n" * n).replace("\n", "\r\n").encode(),
    "parts, other headers": _numbered_message(BOUNDARY + HTML_PART, "--b\nA{}: x\n\n"),
    "parts, other content types": _numbered_message(BOUNDARY + HTML_PART, "--b\nContent-Type: text/x{}\n\nx\n"),
    "parts, HTML": _message(BOUNDARY, HTML_PART),
    "parts, related": _message(BOUNDARY.replace("mixed", "related; start=x"), HTML_PART),
    "parts, ids": _numbered_message(
        BOUNDARY.replace("mixed", 'related; start="<x>"'), "--b\nContent-ID: <{}>\n\nx\n", HTML_PART
    ),
    "parts, multiparts without parts": _message(BOUNDARY, "--b\nContent-Type: multipart/mixed; boundary=c\n\n"),
    "parts, multiparts": _message(BOUNDARY, "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\n--c--\n"),
    "parts, semicolons": lambda n: (BOUNDARY + HTML_PART + SEMICOLONS * (n // 40)).encode(),
    "parts, parameters": lambda n: (BOUNDARY + HTML_PART + PARAMETERS * (n // 40)).encode(),
    "parts, continuations": lambda n: (BOUNDARY + HTML_PART + CONTINUATIONS * (n // 40)).encode(),
    "parts, quotes": lambda n: (BOUNDARY + HTML_PART + QUOTES * (n // 40)).encode(),
    "nested": _nested,
    "nested, 40 levels": _deep(40),
    "boundaries": _message(BOUNDARY + HTML_PART, "--b "),
    "boundaries, spaces behind": _message(BOUNDARY + HTML_PART + "--b", " ", "x\n"),
    "boundaries, spaces behind each": _message(BOUNDARY + HTML_PART, "--b    x\n"),
    "boundaries, dashes": _message(BOUNDARY + HTML_PART, "-", "-b\n"),
    "boundaries, a long one": lambda n: (
        f"Content-Type: multipart/mixed; boundary={'-' * 2000}\n\n" + "-" * n + f"\n--{'-' * 2000}\n{LINK}"
    ).encode(),
    "headers": _message("", "a: b\n", HTML_HEAD + "\n" + LINK),
    "headers, other ones": _numbered_message("", "a{}: b\n", HTML_HEAD + "\n" + LINK),
    "headers, without end": _message("", "a: b\n"),
    "headers, one long": _message("a: ", "b", "\n" + HTML_HEAD + "\n" + LINK),
    "headers, folded": _message("a: ", "b\n ", "c\n" + HTML_HEAD + "\n" + LINK),
    "headers, From": _message("", "From a\n", HTML_HEAD + "\n" + LINK),
    "headers, a long name": _message("", "a", ": b\n" + HTML_HEAD + "\n" + LINK),
    "headers, spaces before the colon": _message("a", " ", ": b\n" + HTML_HEAD + "\n" + LINK),
    "headers, spaces before each colon": _message("", "a : b\n", HTML_HEAD + "\n" + LINK),
    "headers, spaces and no colon": _message("", "a ", "\n" + HTML_HEAD + "\n" + LINK),
    "headers, content types": _message("", "Content-Type: text/html\n", "\n" + LINK),
    "headers, transfer encodings": _message(HTML_HEAD, "Content-Transfer-Encoding: base64\n", "\n" + LINK),
    "headers, comments": _message(HTML_HEAD + "Content-Transfer-Encoding: ", "(", "8bit\n\n" + LINK),
    "headers, comments nested": lambda n: (
        HTML_HEAD + "Content-Transfer-Encoding: " + "(" * n + ")" * n + "8bit\n\n" + LINK
    ).encode(),
    "headers, CR": _message(HTML_HEAD, "a: b\r", "\n\n" + LINK),
    "lines, empty": _message(HTML_HEAD + "\n", "\n", LINK),
    "lines, CR": _message(HTML_HEAD + "\n", "\r", LINK),
    "lines, long": _message(HTML_HEAD + "\n" + LINK, "x"),
    "armor": _message(HTML_HEAD + "\n" + LINK, "x-----BEGIN PGP MESSAGE-----"),
    "armor, spaces": _message(HTML_HEAD + "\n" + LINK, "\n ", "x-----BEGIN PGP MESSAGE-----"),
    "armor, dashes": _message(HTML_HEAD + "\n" + LINK, "-"),
    "7bit, long lines": _body("7bit", b"<a href=http://a.b/>"),
    "quoted-printable, links": _body("quoted-printable", b"<a href=3Dhttp://a.b/>"),
    "quoted-printable, links in lines": _body("quoted-printable", b"<a href=3Dhttp://a.b/>=\n"),
    "quoted-printable, one line": _body("quoted-printable", b"=20", tail=b"<a href=3Dhttp://a.b/>"),
    "quoted-printable, =": _body("quoted-printable", b"=", head=b"<a href=3Dhttp://a.b/>"),
    "quoted-printable, = around links": _body("quoted-printable", b"==<a href=3Dhttp://a.b/>"),
    "quoted-printable, soft breaks": _body("quoted-printable", b"=\n", tail=b"<a href=3Dhttp://a.b/>"),
    "quoted-printable, spaces": _body("quoted-printable", b" ", tail=b"\n<a href=3Dhttp://a.b/>"),
    "quoted-printable, spaces behind =": _body("quoted-printable", b"= \t", tail=b"<a href=3Dhttp://a.b/>"),
    "quoted-printable, dots": _body("quoted-printable", b".", head=b"<a href=3Dhttp://a.b/>"),
    "quoted-printable, CR": _body("quoted-printable", b"\r", head=b"<a href=3Dhttp://a.b/>"),
    "quoted-printable, a link and CRs": _body("quoted-printable", b"<a href=3Dhttp://a.b/>\r"),
    "base64": lambda n: _body("base64", b"PGEgaHJlZj1odHRwOi8vYS5iLz4g")(n),
    "base64, lines of one octet": _body("base64", b"P\nG\nE\ng\naHJlZj1odHRwOi8vYS5iLz4g\n"),
    "base64, spaces": _body("base64", b" ", tail=b"PGEgaHJlZj1odHRwOi8vYS5iLz4g"),
    "base64, spaces behind": _body("base64", b" ", head=b"PGEgaHJlZj1odHRwOi8vYS5iLz4g"),
    "base64, =": _body("base64", b"=", head=b"PGEgaHJlZj1odHRwOi8vYS5iLz4g"),
    "base64, = between": _body("base64", b"PGEgaHJlZj1odHRwOi8vYS5iLz4="),
}


def _object(headers: tuple[tuple[str, str], ...], payload: str) -> Message:
    message = EmailMessage()
    for name, value in headers:
        message._headers.append((name, value))  # type: ignore[attr-defined]  # unparsed, as they come out of a parser
    message._payload = payload  # type: ignore[attr-defined]
    return message


def _parts(make: Callable[[int], Message], each: int = 40) -> Make:
    def all_parts(n: int) -> Message:
        message = EmailMessage()
        message["Content-Type"] = 'multipart/mixed; boundary="b"'
        message._payload = [make(number) for number in range(n // each + 1)]  # type: ignore[attr-defined]
        return message

    return all_parts


def _nested_object(n: int) -> Message:
    message: Message = _object((("Content-Type", "text/html"),), LINK)
    for _ in range(min(n // 40, 2000)):
        around = EmailMessage()
        around["Content-Type"] = "multipart/mixed"
        around._payload = [message]  # type: ignore[attr-defined]
        message = around
    return message


def _parsed(make: Callable[[int], str]) -> Make:
    """Return a function that makes the message object of a text; its second header has a space before the colon."""
    return lambda n: message_from_string("A: b\nX : y\n" + make(n))


OBJECTS: dict[str, Make] = {
    "object: parts, empty": _parts(lambda number: EmailMessage()),
    "object: parts, HTML": _parts(lambda number: _object((("Content-Type", "text/html"),), LINK)),
    "object: parts, other content types": _parts(lambda number: _object((("Content-Type", f"text/x{number}"),), "x")),
    "object: parts, semicolons": _parts(
        lambda number: _object((("Content-Type", "text/html" + ";" * 4000),), "x"), 4000
    ),
    "object: nested": _nested_object,
    "object: headers": lambda n: _object((("X", "y"),) * (n // 4) + (("Content-Type", "text/html"),), LINK),
    "object: long header": lambda n: _object((("X", "y" * n), ("Content-Type", "text/html")), LINK),
    "object: long body": lambda n: _object((("Content-Type", "text/html"),), LINK * (n // 20)),
    "object: headers behind a space": _parsed(lambda n: "X : y\n" * (n // 6) + HTML_HEAD + "\n" + LINK),
    "object: headers behind a space, parts": _parsed(
        lambda n: BOUNDARY + f"--b\nX : y\n{HTML_HEAD}\n{LINK}\n" * (n // 120)
    ),
    "object: headers behind a space, nested": _parsed(lambda n: _nested(n // 50).decode()),
    "object: headers behind a space, nested, each": _parsed(
        lambda n: _nested(n // 50).decode().replace("Content", "X : y\nContent")
    ),
    "object: characters": lambda n: _object((("Content-Type", "text/html"),), (LINK + "€") * (n // 20)),
}


@cache
def _wrapped() -> tuple[str, str]:
    """Return a redirect URL and an open pixel, signed."""
    mail = WRAPPER.wrap("<a href='http://a.b/'>", {})
    return mail.split("'")[1], mail.partition(">")[2]


def _mail(make: Callable[[str, str], Case]) -> Case:
    return lambda n: make(*_wrapped())(n)


WRAPPED: dict[str, Case] = {
    "ours: links": _mail(lambda url, pixel: _repeated(f"<a href={url}>")),
    "ours: links with text": _mail(lambda url, pixel: _repeated(f"<a href={url}>text</a>")),
    "ours: Outlook's links": _mail(lambda url, pixel: _repeated(f"<v:rect href={url}>")),
    "ours: Outlook's links, other ones": _mail(
        lambda url, pixel: lambda n: _numbered("<v:x{} href=" + url + ">")(n // 8)
    ),
    "ours: Outlook's links, other ones, with markup": _mail(
        lambda url, pixel: lambda n: "".join([f"<v:x{i} href={url}>{'<b>' * 20}" for i in range(n // 10)])
    ),
    "ours: links in conditionals": _mail(lambda url, pixel: _repeated(f"<!--[if mso]><a href={url}><![endif]-->")),
    "ours: Outlook's links in conditionals": _mail(
        lambda url, pixel: lambda n: "".join([f"<!--[if mso]><v:x{i} href={url}><![endif]-->" for i in range(n // 10)])
    ),
    "ours: links around comments": _mail(lambda url, pixel: _repeated(f"<a href={url}><!-- -->")),
    "ours: a link around what never ends": _mail(lambda url, pixel: _repeated("<b ", head=f"<a href={url}>")),
    "ours: links before what never ends": _mail(lambda url, pixel: _repeated(f"<v:rect href={url}>", tail="<b ")),
    "ours: areas": _mail(lambda url, pixel: _repeated(f"<area alt=x href={url}>")),
    "ours: a link around images": _mail(lambda url, pixel: _repeated("<img alt=x>", head=f"<a href={url}>")),
    "ours: a link around elements": _mail(lambda url, pixel: _repeated("<div>", head=f"<a href={url}>")),
    "ours: pixels": _mail(lambda url, pixel: _repeated(pixel)),
    "ours: pixels in a tag": _mail(lambda url, pixel: _repeated(pixel + " ", head="<")),
    "ours: pixels behind <": _mail(lambda url, pixel: _repeated("<" + pixel)),
    "ours: pixels' URLs": _mail(lambda url, pixel: _repeated(pixel.split('"')[1] + " ")),
    "ours: pixels' URLs in a tag": _mail(lambda url, pixel: _repeated(pixel.split('"')[1] + " ", head="<img src=")),
    "ours: pixels' URLs in quotes": _mail(lambda url, pixel: _repeated(f"<img src='{pixel.split(chr(34))[1]}' ")),
    "ours: URLs": _mail(lambda url, pixel: _repeated(url + " ")),
    "ours: URLs without space": _mail(lambda url, pixel: _repeated(url)),
    "ours: URLs, signature too long": _mail(lambda url, pixel: _repeated(url + "A ")),
    "ours: URLs in comments": _mail(lambda url, pixel: _repeated(f"<!-- {url} ")),
    "ours: start of a token": _repeated("http://a/f/a/2"),
    "ours: start of a token, long": _repeated("1", head="http://a/f/a/2"),
    "ours: start of a token, long host": _repeated("http://"),
    "ours: dots of a token": _repeated("a.", head="http://a/f/a/2"),
}

URLS: dict[str, Case] = {
    "long host": _repeated("a", head="http://", tail="/f/a/2"),
    "long host, labels": _repeated("a.", head="http://", tail="/f/a/2"),
    "long host, not ASCII": _repeated("é", head="http://", tail="/f/a/2"),
    "long host, xn--": _repeated("xn--a.", head="http://", tail="/f/a/2"),
    "long host, port": _repeated("1", head="http://a.b:", tail="/f/a/2"),
    "long host, user": _repeated("a@", head="http://", tail="/f/a/2"),
    "no host": _repeated("/", head="http://"),
    "scheme": _repeated("http:"),
    "path": _repeated("/", head="http://a.b/f/a"),
    "path, sublink": _repeated("a", head="http://a.b/f/"),
    "path, dots": _repeated(".", head="http://a.b/f/a/2"),
    "path, escapes": _repeated("%41", head="http://a.b/f/a/2"),
    "path, escapes of escapes": _repeated("%25", head="http://a.b/f/a/2"),
    "path, %": _repeated("%", head="http://a.b/f/a/2"),
    "path, not ASCII": _repeated("é", head="http://a.b/f/a/2"),
    "LINK": _repeated("A", head="http://a.b/f/a/2", tail=".AAAA.AAAAAAAAAAAAAAAAAAAAAA"),
    "CONTEXT": _repeated("A", head="http://a.b/f/a/2AAAA.", tail=".AAAAAAAAAAAAAAAAAAAAAA"),
    "signature": _repeated("A", head="http://a.b/f/a/2AAAA.AAAA."),
    "behind a token": _mail(lambda url, pixel: _repeated(")", head=url)),
    "behind a token, &": _mail(lambda url, pixel: _repeated("&a=1", head=url)),
    "behind a token, escapes": _mail(lambda url, pixel: _repeated("%29", head=url)),
    "behind a token, dots": _mail(lambda url, pixel: _repeated(".", head=url)),
    "behind a token, %2F": _mail(lambda url, pixel: _repeated("%2F", head=url)),
    "query": _mail(lambda url, pixel: _repeated("&a", head=url + "?")),
    "fragment": _mail(lambda url, pixel: _repeated("#", head=url)),
    "white space": _mail(lambda url, pixel: _repeated(" ", tail=url)),
}


@cache
def _unsubscribe_path() -> str:
    return "/" + WRAPPER.unsubscribe_url(metadata()).partition("://")[2].partition("/")[2]


Request = dict[str, Any]


def _request(**given: Any) -> Request:
    request = {
        "method": "GET",
        "raw_path": "/f/a/2A.A.AAAAAAAAAAAAAAAAAAAAAA",
        "host": "click.example.com",
        "headers": {},
    }
    return request | given


def _path_of(make: Case) -> Make:
    """Return a function that makes a request for the path of a URL."""

    def request(n: int) -> Request:
        url = make(n)
        assert isinstance(url, str)
        return _request(raw_path="/" + url.partition("://")[2].partition("/")[2])

    return request


def _visit(make: Callable[[int], Request]) -> Make:
    """Return a function that makes a request for a link that verifies."""
    return lambda n: _request(raw_path="/" + _wrapped()[0].split("/", 3)[3]) | make(n)


def _post(make: Callable[[int], bytes]) -> Make:
    """Return a function that makes a one-click POST."""
    return lambda n: _request(method="POST", raw_path=_unsubscribe_path(), body=make(n))


FORM = b"--b\r\nContent-Disposition: form-data"

REQUESTS: dict[str, Make] = {
    **{f"raw_path: {name}": _path_of(make) for name, make in URLS.items()},
    "raw_path: bytes": lambda n: _request(raw_path=b"/f/a/2" + b"\xff" * n),
    "raw_path: slashes": lambda n: _request(raw_path="/" * n),
    "raw_path: nonce": lambda n: _request(raw_path="/.well-known/linkwrap/" + "a" * n),
    "host: long": _visit(lambda n: {"host": "a" * n}),
    "host: labels": _visit(lambda n: {"host": "a." * n}),
    "host: not ASCII": _visit(lambda n: {"host": "é" * n}),
    "host: port": _visit(lambda n: {"host": "a:" + "1" * n}),
    "host: labels, 500 characters": _visit(lambda n: {"host": ("é." * n)[:500]}),
    "headers: many": _visit(lambda n: {"headers": {f"X-{number}": "x" for number in range(n)}}),
    "headers: long": _visit(lambda n: {"headers": {"User-Agent": "é\n" * n}}),
    "headers: purpose": _visit(lambda n: {"headers": {"Sec-Purpose": " " * n}}),
    "headers: user agent of commas": _visit(lambda n: {"headers": {"User-Agent": "Mozilla/5.0 (" * n}}),
    "ip_address: long": _visit(lambda n: {"ip_address": ":" * n}),
    "ip_address: long zone": _visit(lambda n: {"ip_address": "fe80::1%" + "%" * n}),
    "body: &": _post(lambda n: b"&" * n),
    "body: pairs": _post(lambda n: b"List-Unsubscribe=One-Click" * n),
    "body: names": _post(lambda n: FORM + b";name=List-Unsubscribe" * n),
    "body: names in lines": _post(lambda n: FORM + b"\nContent-Disposition: a;name=List-Unsubscribe" * n),
    "body: lines": _post(lambda n: FORM + b';name="List-Unsubscribe"\r\n' + b"a\r\n" * n),
    "body: line ends": _post(lambda n: b"\r\n" * n),
    "body: dashes": _post(lambda n: b"--" * n),
    "body: spaces": _post(lambda n: FORM + b";" + b" " * n + b"name=x"),
}
