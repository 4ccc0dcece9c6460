"""The page on other tools is true: its code runs with the real packages, and each loss that it names occurs."""

import asyncio
import email
import email.charset
import email.policy
import importlib
import json
import os
import re
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email.message import EmailMessage
from email.mime.text import MIMEText
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import aiosmtplib
import css_inline
import premailer
import pytest
import yagmail
from celery import Celery
from fastapi_mail import ConnectionConfig, FastMail, MessageSchema, MessageType
from flask import Flask
from kombu.exceptions import EncodeError

import linkwrap
from helpers.inbox import Inbox
from helpers.node import node_programs
from helpers.paths import DOCS
from helpers.processes import Process, start
from linkwrap import LinkWrapper, Resolver, SigningKeys, TrackingDomain
from linkwrap._decide.warnings import document_warnings

SECRET = "the key of the tests on other tools"
KEYS = SigningKeys(SECRET)
HOST = "click.acme.com"
WRAPPER = LinkWrapper(KEYS, account_id="acme", tracking_domain=HOST)
RESOLVER = Resolver(KEYS)
METADATA = {"message_id": "m-1", "rcpt": "r-42"}
URL = re.compile(r"https?://(?:click\.acme\.com|localhost:\d+)/f/[^\"' >]+")
PIXEL = re.compile(r'<img[^>]*src="https://click\.acme\.com/q/[^>]*>')
SRC = re.compile(r'(?<= src=")[^"]*')
CRLF_LIMIT = 998

TEN = [f"https://acme.com/{number}" for number in range(10)]
LINE = "<p>Sale: " + " ".join(f'<a href="{url}">{url[-1]}</a>' for url in TEN) + " für Ada</p>"

STYLED = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>Sale</title>
<style>a { color: #cc0000 } img { display: block; padding: 10px }</style></head>
<body>
<!--[if mso]><v:roundrect href="https://acme.com/mso?a=1&amp;b=2">Shop</v:roundrect><![endif]-->
<p><a href="https://acme.com/sale?a=1&amp;copy=2" data-msys-linkname="Sale">Sale</a>
<a href="https://acme.com/it's?q=[1]&amp;x=ü">Über</a>
<a href="https://acme.com/leave" data-msys-unsubscribe="1">leave</a></p>
<p><a href="https://acme.com/1" data-msys-clicktrack="0">1</a> <a href="https://acme.com/2" clicktracking=off>2</a>
<a href="https://acme.com/3" data-pm-no-track>3</a> <a href="https://acme.com/4" ses:no-track>4</a>
<a href="https://acme.com/5" mc:disable-tracking>5</a> <a href="https://acme.com/6" class="untracked big">6</a></p>
</body></html>
"""
STYLED_LINKS = [
    ("https://acme.com/mso?a=1&b=2", None, False),
    ("https://acme.com/sale?a=1&copy=2", "Sale", False),
    ("https://acme.com/it's?q=[1]&x=%C3%BC", None, False),
    ("https://acme.com/leave", None, True),
]
OPTED_OUT = 6

MJML = """<mjml>
  <mj-head>
    <mj-html-attributes>
      <mj-selector path=".hero a">
        <mj-html-attribute name="data-msys-linkname">Hero</mj-html-attribute>
      </mj-selector>
    </mj-html-attributes>
  </mj-head>
  <mj-body>
    <mj-section><mj-column>
      <mj-button css-class="hero" href="https://acme.com/sale?a=1&amp;b=2">Shop</mj-button>
      <mj-image href="https://acme.com/image" src="https://acme.com/i.png"></mj-image>
      <mj-text>Dear {{ name }}, <a href="https://acme.com/text" data-msys-linkname="Text">more</a>
        <a href="{{ leave }}">leave</a></mj-text>
      <mj-navbar><mj-navbar-link href="https://acme.com/nav">Home</mj-navbar-link></mj-navbar>
    </mj-column></mj-section>
  </mj-body>
</mjml>
"""
MJML_LINKS = [
    ("https://acme.com/sale?a=1&b=2", "Hero", False),
    ("https://acme.com/image", None, False),
    ("https://acme.com/text", "Text", False),
    ("https://acme.com/nav", None, False),
]

PAGE = (DOCS / "howto" / "pipelines.md").read_text("utf-8")
BLOCK = re.compile(r"^```py\n(.*?)^```$", re.ASCII | re.DOTALL | re.MULTILINE)
SECTION = re.compile(r"^## (.*)\n(?:(?!## ).*\n)*", re.MULTILINE)
SECTIONS = {section[1]: section for section in SECTION.finditer(PAGE)}


def blocks(section: str, containing: str = "") -> list[tuple[int, str]]:
    """Return the blocks of Python code of a section, each with the number of lines above it."""
    found = BLOCK.finditer(PAGE, *SECTIONS[section].span())
    code = [(PAGE.count("\n", 0, block.start(1)), block[1]) for block in found if containing in block[1]]
    assert code, f"no code under {section}"
    return code


def run(section: str, containing: str = "", **names: object) -> dict[str, Any]:
    """Run the code of a section with these names, and return all names."""
    names = {"__name__": "example", "wrapper": WRAPPER, "metadata": METADATA, **names}
    for above, code in blocks(section, containing):
        exec(compile("\n" * above + code, "pipelines.md", "exec", dont_inherit=True), names)  # noqa: S102
    return names


def clicks(text: str, resolver: Resolver = RESOLVER) -> list[tuple[str, str | None, bool]]:
    """Return destination, link name and unsubscribe mark of each redirect URL of a document."""
    found = [resolver.resolve_click(url[0]) for url in URL.finditer(text)]
    return [(click.url, click.link_name, click.unsubscribe) for click in found]


# Inlining of styles


def juice(html: str, folder: Path, *options: str) -> str:
    """Return a document as the command line of juice changes it."""
    (folder / "in.html").write_text(html, "utf-8")
    command: list[str | Path] = [node_programs() / "juice", *options, folder / "in.html", folder / "out.html"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return (folder / "out.html").read_text("utf-8")


@pytest.fixture(params=["premailer", "css_inline", "juice"])
def tool(request: pytest.FixtureRequest) -> str:
    """The name of each tool that inlines styles."""
    name: str = request.param
    return name


@pytest.fixture
def inline(tool: str, tmp_path: Path) -> Callable[[str], str]:
    """That tool as a function; juice without loading pictures."""
    if tool == "premailer":
        return partial(premailer.transform, allow_network=False)
    if tool == "css_inline":
        return partial(css_inline.inline, load_remote_stylesheets=False)
    return lambda html: juice(html, tmp_path, "--web-resources-images", "false")


def test_the_pages_way_to_inline(tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Styles first, then linkwrap: each link redeems, names and opt-outs are honoured, the pixel has no style."""
    if tool == "juice":
        monkeypatch.setenv("PATH", f"{node_programs()}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    Path("newsletter.html").write_text(STYLED, "utf-8")
    mail = run("premailer, css-inline and juice", tool, html=STYLED)["mail"]
    assert clicks(mail) == STYLED_LINKS
    assert re.search(r'<a [^>]*href="https://click[^>]*style="color: ?#c+0+', mail)
    assert len(re.findall(r'href="https://acme\.com/\d"', mail)) == OPTED_OUT
    (pixel,) = PIXEL.findall(mail)
    (added,) = PIXEL.findall(WRAPPER.wrap("<p>", METADATA))
    assert SRC.sub("", pixel) == SRC.sub("", added)


def test_links_do_not_suffer_from_the_wrong_order(inline: Callable[[str], str]) -> None:
    """Wrapped first, the links redeem to the same, and a second run of linkwrap changes nothing."""
    wrapped = WRAPPER.wrap(STYLED, METADATA)
    inlined = inline(wrapped)
    assert URL.findall(inlined) == URL.findall(wrapped)
    assert clicks(inlined) == STYLED_LINKS
    assert WRAPPER.wrap(inlined, METADATA) == inlined


def test_the_pixel_suffers_from_the_wrong_order(inline: Callable[[str], str]) -> None:
    """Wrapped first, the pixel gets the styles that are meant for pictures, except those that it sets itself."""
    (pixel,) = PIXEL.findall(inline(WRAPPER.wrap(STYLED, METADATA)))
    assert re.search(r'style="[^"]*\bdisplay: ?block\b', pixel)
    assert re.search(r'style="[^"]*\bpadding: ?0\b', pixel)
    assert "10px" not in pixel


@pytest.mark.parametrize("field", ["{{u}}", "*|U|*", "${url}", "%%u%%"])
def test_merge_fields_without_spaces_survive(field: str, inline: Callable[[str], str]) -> None:
    """A merge field without a space in it comes out as it went in."""
    assert f'href="https://acme.com/{field}"' in inline(f'<a href="https://acme.com/{field}">x</a>')


@pytest.mark.parametrize("field", ["{{ u }}", "[[ u ]]", "https://acme.com/?u={{ user.id }}", "{% if x %}y{% endif %}"])
def test_only_premailer_encodes_merge_fields(field: str, tool: str, inline: Callable[[str], str]) -> None:
    """premailer percent-encodes the spaces of a merge field: no engine finds it any more, linkwrap still leaves it."""
    inlined = inline(f'<a href="{field}">x</a>')
    if tool == "premailer":
        assert f'href="{field}"' not in inlined
        assert "%20" in inlined
    else:
        assert f'href="{field}"' in inlined
    assert [link.reason for link in WRAPPER.compile(inlined).links] == ["placeholder"]


def test_premailers_option_for_merge_fields_does_not_help() -> None:
    """`preserve_handlebar_syntax` leaves it at that."""
    assert "{{%20u%20}}" in premailer.transform('<a href="{{ u }}">x</a>')
    assert "{{%20u%20}}" in premailer.transform('<a href="{{ u }}">x</a>', preserve_handlebar_syntax=True)


def test_what_the_tools_do_by_themselves(tool: str, inline: Callable[[str], str]) -> None:
    """Bulletproof buttons, loops between rows, and content that is hidden from Outlook: the table of the page."""
    button = inline('<body><div><a href="https://acme.com/"><table><tr><td>Shop</td></tr></table></a></div></body>')
    assert ("</a><table>" in button) is (tool == "premailer")
    loop = inline("<body><table>{% for x in y %}<tr><td>{{ x }}</td></tr>{% endfor %}</table></body>")
    assert ("<table>{% for x in y %}<tr>" in loop) is (tool != "css_inline")
    assert ("{% for x in y %}{% endfor %}<table>" in loop) is (tool == "css_inline")
    hidden = inline("<body><![if !mso]><p>Hi</p><![endif]></body>")
    assert ("<![if !mso]><p>Hi</p><![endif]>" in hidden) is (tool == "juice")
    assert ("<!--[if !mso]--><p>Hi</p><!--[endif]-->" in hidden) is (tool != "juice")


class _Pictures(BaseHTTPRequestHandler):
    """Answers each request with a GIF of one pixel."""

    requests: list[str]
    GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")

    def do_GET(self) -> None:
        self.requests.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "image/gif")
        self.send_header("Content-Length", str(len(self.GIF)))
        self.end_headers()
        self.wfile.write(self.GIF)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def pictures() -> Iterator[ThreadingHTTPServer]:
    """A redirect server, as far as pixels go; its handler's `requests` are the paths that were asked for."""
    handler = type("Handler", (_Pictures,), {"requests": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_juice_loads_the_pixel(pictures: ThreadingHTTPServer, tmp_path: Path) -> None:
    """Wrapped first, the command line of juice opens the mail, and the reader's opening is not seen any more."""
    domain = TrackingDomain(f"localhost:{pictures.server_port}", secure=False, verified=True)
    wrapped = WRAPPER.wrap('<body><a href="https://acme.com/">x</a></body>', METADATA, tracking_domain=domain)
    requests = pictures.RequestHandlerClass.requests  # type: ignore[attr-defined]

    assert "/q/" in juice(wrapped, tmp_path, "--web-resources-images", "false")
    assert requests == []

    inlined = juice(wrapped, tmp_path)
    assert [path[:3] for path in requests] == ["/q/"]
    assert RESOLVER.resolve(f"http://localhost:{pictures.server_port}{requests[0]}").metadata == METADATA
    assert "/q/" not in inlined
    assert 'src="data:image/gif;base64,' in inlined


# MJML


def test_the_pages_way_with_mjml(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled first, each link redeems, buttons have their names, and merge fields are kept."""
    monkeypatch.setenv("PATH", f"{node_programs()}{os.pathsep}{os.environ['PATH']}")
    names = run("MJML", source=MJML)
    assert clicks(names["mail"]) == MJML_LINKS
    assert 'href="{{ leave }}"' in names["mail"]
    assert "Dear {{ name }}, " in names["mail"]
    assert names["mail"].index("/q/") < names["mail"].index("</body>")
    assert document_warnings(names["compiled"]) == []


def test_mjml_source_is_no_html() -> None:
    """Wrapped first, buttons are not wrapped, the compiler refuses the result, and a warning says so."""
    wrapped = WRAPPER.wrap(MJML, METADATA)
    assert clicks(wrapped) == [MJML_LINKS[2]]
    assert wrapped.index("/q/") > wrapped.index("</mjml>")
    command = [node_programs() / "mjml", "-i", "-s"]
    compiled = subprocess.run(command, input=wrapped, check=False, capture_output=True, text=True, timeout=60)
    assert compiled.returncode
    assert "Malformed MJML" in compiled.stderr
    (warning,) = document_warnings(MJML)
    assert "compile it to HTML first" in warning.message


def test_link_names_in_mjml_are_as_the_page_shows_them() -> None:
    """The head that the page shows is the one that the tests compile."""
    (shown,) = re.findall(r"```xml\n(.*?)```", PAGE, re.DOTALL)
    assert "".join(shown.split()) in "".join(MJML.split())


# Sending


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """A mail server that refuses long lines."""
    server = Inbox()
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def charsets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard library's table of charsets as it is at first; put back after the test."""
    for name, value in list(email.charset.CHARSETS.items()):
        monkeypatch.setitem(email.charset.CHARSETS, name, value)
    monkeypatch.setitem(email.charset.CHARSETS, "utf-8", (email.charset.SHORTEST, email.charset.BASE64, "utf-8"))


@pytest.fixture
def flask_mail(charsets: None, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Flask-Mail, imported anew: that is when it changes the table of charsets."""
    monkeypatch.delitem(sys.modules, "flask_mail", raising=False)
    return importlib.import_module("flask_mail")


@pytest.fixture
def app(inbox: Inbox, flask_mail: ModuleType) -> Flask:
    """A Flask application whose mail goes to the inbox."""
    app = Flask("shop")
    app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=inbox.port, MAIL_DEFAULT_SENDER="news@acme.com")
    app.extensions["test"] = flask_mail.Mail(app)
    return app


def fast_mail(inbox: Inbox, **config: Any) -> FastMail:
    """FastAPI-Mail whose mail goes to the inbox."""
    return FastMail(
        ConnectionConfig(
            MAIL_USERNAME="",
            MAIL_PASSWORD="",
            MAIL_SERVER="127.0.0.1",
            MAIL_PORT=inbox.port,
            MAIL_STARTTLS=False,
            MAIL_SSL_TLS=False,
            MAIL_FROM="news@acme.com",
            USE_CREDENTIALS=False,
            **config,
        )
    )


@pytest.fixture
def yag(inbox: Inbox) -> Iterator[yagmail.SMTP]:
    """yagmail whose mail goes to the inbox."""
    options = {"smtp_starttls": False, "smtp_ssl": False, "smtp_skip_login": True}
    with yagmail.SMTP("news@acme.com", host="127.0.0.1", port=inbox.port, **options) as client:
        yield client


def arrived(inbox: Inbox) -> str:
    """Return the HTML of the one message that came in, all of whose lines are short enough."""
    (raw,) = inbox.received
    assert max(map(len, raw.split(b"\r\n"))) <= CRLF_LIMIT
    body = email.message_from_bytes(raw, policy=email.policy.default).get_body(["html"])
    assert body is not None
    html: str = body.get_content()
    return html


def assert_whole(html: str) -> None:
    """The ten links redeem, the pixel is there, and what is not ASCII is as it was."""
    assert [url for url, _, _ in clicks(html)] == TEN
    assert len(PIXEL.findall(html)) == 1
    assert " für Ada</p>" in html


def test_wrapped_lines_are_too_long(inbox: Inbox) -> None:
    """Ten short links in a line are too much for a mail server where nothing folds the line."""
    wrapped = WRAPPER.wrap(LINE.replace("ü", "ue"), METADATA)
    assert len(wrapped) > 1_100
    message = MIMEText(wrapped, "html")
    assert message["Content-Transfer-Encoding"] == "7bit"
    with (
        smtplib.SMTP("127.0.0.1", inbox.port) as smtp,
        pytest.raises(smtplib.SMTPDataError, match="Line too long") as error,
    ):
        smtp.sendmail("news@acme.com", ["ada@reader.example"], message.as_string())
    assert error.value.smtp_code == 500


def html_message(html: str) -> EmailMessage:
    """A message of the standard library whose body goes out as it is."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "news@acme.com", "ada@reader.example", "Sale"
    message.set_content(html, subtype="html", cte="8bit")
    return message


def test_ways_of_the_standard_library(inbox: Inbox) -> None:
    """`set_content`, and `MIMEText` in UTF-8, choose an encoding that folds."""
    wrapped = WRAPPER.wrap(LINE, METADATA)
    chosen = html_message("")
    chosen.set_content(wrapped, subtype="html")
    mime_text = MIMEText(wrapped, "html", "utf-8")
    mime_text["From"], mime_text["To"] = "news@acme.com", "ada@reader.example"
    for message, encoding in ((chosen, {"quoted-printable", "base64"}), (mime_text, {"base64"})):
        inbox.received.clear()
        assert message["Content-Transfer-Encoding"] in encoding
        with smtplib.SMTP("127.0.0.1", inbox.port) as smtp:
            smtp.send_message(message)
        assert_whole(arrived(inbox))


def test_the_pages_way_with_smtplib(inbox: Inbox) -> None:
    """`wrap_message` makes an 8-bit body quoted-printable where its lines get too long."""
    message = html_message(LINE)
    run("smtplib and aiosmtplib", "import smtplib", message=message, host="127.0.0.1", port=inbox.port)
    assert_whole(arrived(inbox))


def test_the_pages_way_with_aiosmtplib(inbox: Inbox) -> None:
    """The same, asynchronously."""
    names = run("smtplib and aiosmtplib", "aiosmtplib", host="127.0.0.1", port=inbox.port)
    asyncio.run(names["send"](html_message(LINE), METADATA))
    assert_whole(arrived(inbox))


def test_the_pages_way_with_flask_mail(inbox: Inbox, app: Flask) -> None:
    """One line of the standard library folds what Flask-Mail sends."""
    run("Flask-Mail", app=app, mail=app.extensions["test"], html=LINE, text="für Ada")
    assert_whole(arrived(inbox))
    assert b"Content-Transfer-Encoding: quoted-printable" in inbox.received[0]


def test_flask_mail_does_not_fold(inbox: Inbox, app: Flask, flask_mail: ModuleType) -> None:
    """Without it, the mail server refuses the message."""
    assert email.charset.CHARSETS["utf-8"][1] is None
    with app.app_context():
        message = flask_mail.Message("Sale", recipients=["ada@reader.example"], html=WRAPPER.wrap(LINE, METADATA))
        with pytest.raises(smtplib.SMTPDataError, match="Line too long"):
            app.extensions["test"].send(message)


def test_the_pages_way_with_fastapi_mail(inbox: Inbox) -> None:
    """By itself, FastAPI-Mail sends base64."""
    asyncio.run(run("FastAPI-Mail", "MessageSchema")["send"](fast_mail(inbox), LINE, METADATA))
    assert_whole(arrived(inbox))
    assert b"Content-Transfer-Encoding: base64" in inbox.received[0]


def test_the_pages_way_with_fastapi_mails_templates(inbox: Inbox, tmp_path: Path) -> None:
    """A message that FastAPI-Mail has rendered is wrapped, and sent by aiosmtplib."""
    (tmp_path / "sale.html").write_text("Dear {{ name }}, " + LINE, "utf-8")
    message = MessageSchema(
        recipients=["ada@reader.example"], subject="Sale", template_body={"name": "Ada"}, subtype=MessageType.html
    )
    send = run("FastAPI-Mail", "get_message", host="127.0.0.1", port=inbox.port)["send_template"]
    asyncio.run(send(fast_mail(inbox, TEMPLATE_FOLDER=tmp_path), message, METADATA))
    html = arrived(inbox)
    assert html.startswith("Dear Ada, ")
    assert_whole(html)


@pytest.mark.parametrize("mended", [False, True])
def test_fastapi_mail_beside_flask_mail(inbox: Inbox, flask_mail: ModuleType, mended: bool) -> None:
    """Once Flask-Mail is imported, FastAPI-Mail does not fold either; the same line helps."""
    if mended:
        email.charset.add_charset("utf-8", email.charset.SHORTEST, email.charset.QP, "utf-8")
    send = run("FastAPI-Mail", "MessageSchema")["send"]
    if mended:
        asyncio.run(send(fast_mail(inbox), LINE, METADATA))
        assert_whole(arrived(inbox))
    else:
        with pytest.raises(aiosmtplib.SMTPDataError, match="Line too long"):
            asyncio.run(send(fast_mail(inbox), LINE, METADATA))


BROKEN = f'<div>\n<!--[if mso]>\n<v:rect\nhref="https://acme.com/mso"></v:rect><![endif]-->\n{LINE}\r\n<a\nhref="https://acme.com/b">b</a></div>'


def test_the_pages_way_with_yagmail(inbox: Inbox, yag: yagmail.SMTP) -> None:
    """Without line breaks and without premailer, all that was wrapped arrives."""
    run("yagmail", yag=yag, html=BROKEN)
    html = arrived(inbox)
    assert [url for url, _, _ in clicks(html)] == ["https://acme.com/mso", *TEN, "https://acme.com/b"]
    assert len(PIXEL.findall(html)) == 1
    assert "<br>" not in html
    assert " für Ada</p>" in html


def test_yagmail_writes_br_for_line_breaks(inbox: Inbox, yag: yagmail.SMTP) -> None:
    """With line breaks in them, tags are broken."""
    yag.send("ada@reader.example", "Sale", WRAPPER.wrap(BROKEN, METADATA), prettify_html=False)
    html = arrived(inbox)
    assert '<a<br>href="https://click.acme.com/' in html
    assert "<!--[if mso]><br><v:rect<br>href=" in html


def test_yagmail_runs_premailer(inbox: Inbox, yag: yagmail.SMTP) -> None:
    """By default, yagmail changes the mail once more: merge fields are encoded, and bulletproof buttons torn apart."""
    mail = '<a href="{{ leave }}">leave</a> <a href="https://acme.com/"><table><tr><td>Shop</td></tr></table></a>'
    yag.send("ada@reader.example", "Sale", WRAPPER.wrap(mail, METADATA))
    html = arrived(inbox)
    assert "{{%20leave%20}}" in html
    assert "></a><table>" in html


def test_yagmails_plain_text_is_html(inbox: Inbox, yag: yagmail.SMTP) -> None:
    """A reader without HTML sees its source."""
    yag.send("ada@reader.example", "Sale", WRAPPER.wrap(LINE, METADATA), prettify_html=False)
    text = email.message_from_bytes(inbox.received[0], policy=email.policy.default).get_body(["plain"])
    assert text is not None
    assert text.get_content().startswith("<p>Sale: <a href=")


@pytest.mark.parametrize("mended", [False, True])
def test_yagmail_beside_flask_mail(inbox: Inbox, yag: yagmail.SMTP, flask_mail: ModuleType, mended: bool) -> None:
    """Once Flask-Mail is imported, yagmail does not fold either; the same line helps."""
    html = LINE.replace("ü", "ue")
    if mended:
        email.charset.add_charset("utf-8", email.charset.SHORTEST, email.charset.QP, "utf-8")
        run("yagmail", yag=yag, html=html)
        assert [url for url, _, _ in clicks(arrived(inbox))] == TEN
    else:
        with pytest.raises(smtplib.SMTPDataError, match="Line too long"):
            run("yagmail", yag=yag, html=html)


# Celery

QUEUE = """
import json, os
from pathlib import Path

FOLDER = Path({folder!r})

def load_html(campaign_id):
    with (FOLDER / "compiled").open("a") as file:
        file.write(f"{{os.getpid()}} {{campaign_id}}\\n")
    return (FOLDER / f"{{campaign_id}}.html").read_text("utf-8")

def deliver(rcpt, html):
    (FOLDER / f"{{rcpt}}.part").write_text(json.dumps([os.getpid(), html]), "utf-8")
    (FOLDER / f"{{rcpt}}.part").rename(FOLDER / f"{{rcpt}}.sent")
"""


def queue(folder: Path) -> dict[str, Any]:
    """Return the settings of a queue in files, in place of Redis."""
    places = {f"data_folder_{way}": str(folder / "queue") for way in ("in", "out")}
    return {"broker_transport_options": {**places, "control_folder": str(folder / "control")}}


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Process]:
    """A worker of two processes that runs the code of the page. It is killed: with a queue in files it ends late."""
    (tmp_path / "queue").mkdir()
    ((_, code),) = blocks("Celery")
    assert 'broker="redis://localhost"' in code
    code = code.replace("redis://localhost", "filesystem://")
    (tmp_path / "mails.py").write_text(
        f"{QUEUE.format(folder=str(tmp_path))}{code}\napp.conf.update({queue(tmp_path)!r})\n"
    )
    package = Path(linkwrap.__file__).parents[1]
    command = f"cd '{tmp_path}'; exec '{sys.executable}' -m celery --app mails worker --pool prefork --concurrency 2"
    environment = {"LINKWRAP_KEYS": SECRET, "PYTHONPATH": f"{tmp_path}{os.pathsep}{package}"}
    with ExitStack() as cleanup, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        command += " --without-mingle --without-gossip -O fair"
        yield start(cleanup, tmp_path / "log", "sh", "-c", command, end=signal.SIGKILL)


def test_the_pages_way_with_celery(worker: Process, tmp_path: Path) -> None:
    """Twenty mails, each with links of its own, made in two processes that compile a campaign once each."""
    recipients = [f"r-{number}" for number in range(20)]
    (tmp_path / "autumn.html").write_text(STYLED, "utf-8")
    sender = Celery("sender", broker="filesystem://")
    sender.conf.update(queue(tmp_path))
    for rcpt in recipients:
        sender.send_task("send_campaign", ["autumn", rcpt])
    deadline = time.monotonic() + 90
    while len(list(tmp_path.glob("*.sent"))) < len(recipients):
        assert worker.poll() is None, (tmp_path / "log").read_text()[-3000:]
        assert time.monotonic() < deadline, (tmp_path / "log").read_text()[-3000:]
        time.sleep(0.1)
    processes = set()
    for rcpt in recipients:
        process, html = json.loads((tmp_path / f"{rcpt}.sent").read_text("utf-8"))
        processes.add(process)
        assert clicks(html) == STYLED_LINKS
        click = RESOLVER.resolve_click(URL.findall(html)[0])
        assert click.metadata == {"campaign": "autumn", "rcpt": rcpt}
    compiled = (tmp_path / "compiled").read_text().splitlines()
    assert sorted(compiled) == sorted(f"{process} autumn" for process in processes)


def test_a_template_is_no_argument_of_a_task() -> None:
    """The page names the error."""
    sender = Celery("sender", broker="memory://")
    with pytest.raises(EncodeError, match="Object of type LinkTemplate is not JSON serializable") as error:
        sender.send_task("send_campaign", [WRAPPER.compile(STYLED), "r-42"])
    assert f"EncodeError: {error.value}" in PAGE


# The page


def test_all_code_of_the_page_is_run() -> None:
    """The sections with Python code are those whose code the tests above run."""
    ran = {"premailer, css-inline and juice", "MJML", "smtplib and aiosmtplib", "Flask-Mail", "FastAPI-Mail", "yagmail"}
    assert {name for name, section in SECTIONS.items() if BLOCK.search(section[0])} == ran | {"Celery"}
    assert sum(len(BLOCK.findall(section[0])) for section in SECTIONS.values()) == len(BLOCK.findall(PAGE))
