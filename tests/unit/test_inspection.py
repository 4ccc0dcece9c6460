"""What is said of a compiled mail: links with places, sizes, warnings with places."""

from email.message import EmailMessage

from linkwrap import LinkWrapper, SigningKeys, TrackingDomain
from linkwrap._inspection import find_links, inspect_template

WRAPPER = LinkWrapper(SigningKeys("a key for the tests of inspection"))
DOMAIN = TrackingDomain("click.acme.test", verified=True)
HTML = b'<p>\n<a href="http://a.test/">x</a><a href="{{ b }}">x</a>\n\n<a href="https://c.test/">x</a><img src="x">'


def test_document() -> None:
    """Of HTML: its links with lines and columns, both sizes, and its warnings."""
    inspected = inspect_template(WRAPPER, WRAPPER.compile(HTML), {"rcpt": "r-42"}, DOMAIN)
    assert [(item.line, item.column, item.link.url) for item in inspected.found] == [
        (2, 10, "http://a.test/"),
        (2, 40, None),
        (4, 10, "https://c.test/"),
    ]
    html = inspected.html
    assert html.size == len(HTML)
    assert html.wrapped_size == len(WRAPPER.wrap(HTML, {"rcpt": "r-42"}, tracking_domain=DOMAIN))
    assert inspected.left_alone == {"placeholder": 1}
    assert inspected.kinds == {"http": 1}
    assert [said.as_dict() for said in inspected.warnings] == [
        {"part": None, "line": 2, "column": 10, **inspected.warnings[0].warning._asdict()}
    ]


def test_message() -> None:
    """Of a message: the same of each part, by its number, in the order of the parts."""
    message = EmailMessage()
    message.set_content("http://a.test/ http://b.test/\n")
    message.add_alternative(HTML.decode(), subtype="html")
    message.add_attachment(b"x", maintype="image", subtype="png")
    template = WRAPPER.compile_message(message, text=True)
    inspected = inspect_template(WRAPPER, template, {"rcpt": "a@b.test"}, DOMAIN)
    assert [(said.part, said.line, said.warning.kind) for said in inspected.warnings] == [
        (None, None, "metadata"),
        (0, 1, "http"),
        (0, 1, "http"),
        (1, 2, "http"),
    ]
    assert [body.is_html for body in inspected.bodies] == [False, True, False]
    assert [item.as_dict()["part"] for item in inspected.found] == [0, 0, 1, 1, 1]
    assert inspected.html is inspected.bodies[1]
    assert inspected.bodies[2].part_as_dict()["action"] == "kept"


def test_mail_without_html() -> None:
    """A message without an HTML body has one of size 0, and no warning about it."""
    message = EmailMessage()
    message.set_content("Hi")
    inspected = inspect_template(WRAPPER, WRAPPER.compile_message(message), None, DOMAIN)
    assert (inspected.html.size, inspected.found, inspected.warnings, inspected.kinds) == (0, [], [], {})


def test_places_of_links() -> None:
    """A template's links have their places in characters."""
    assert [(item.line, item.column) for item in find_links(WRAPPER.compile("ä\r\n<a href=x>"))] == [(2, 9)]
