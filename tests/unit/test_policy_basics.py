"""`LinkPolicy`: senders whose opt-outs count, hosts that are left alone, destinations of the sender's own."""

import pytest

from linkwrap import Link, LinkPolicy, LinkWrapper, OptionError, SigningKeys

KEYS = SigningKeys("a key for the tests of the policy")
WRAPPER = LinkWrapper(KEYS)
MAIL = '<p><a href="https://shop.test/sale">Sale</a></p>'


@pytest.mark.parametrize(
    ("sender", "markup"),
    [
        ("sparkpost", 'data-msys-clicktrack="0"'),
        ("sendgrid", "clicktracking=off"),
        ("sendgrid", 'CLICKTRACKING="OFF"'),
        ("mailgun", 'disable-tracking="true"'),
        ("postmark", "data-pm-no-track"),
        ("ses", "ses:no-track"),
        ("mandrill", "mc:disable-tracking"),
        ("customerio", 'class="button untracked big"'),
        ("ahoy", 'data-skip-click="true"'),
        ("mautic", 'mautic:disable-tracking="true"'),
    ],
)
def test_opt_outs_are_honoured_and_stay(sender: str, markup: str) -> None:
    """Another sender's opt-out keeps the link out and stays in the mail; a policy can choose whose count."""
    html = f'<a href="https://shop.test/" {markup}>x</a>'
    (link,) = WRAPPER.compile(html).links
    assert link.reason == "opted-out"
    assert WRAPPER.wrap(html, open_tracking=False) == html
    others = LinkWrapper(KEYS, policy=LinkPolicy(honour=LinkPolicy().honour - {sender}))  # type: ignore[operator]
    assert others.compile(html).links[0].wrapped
    assert markup in others.wrap(html)


@pytest.mark.parametrize(
    "markup", ['data-msys-clicktrack="1"', "clicktracking=on", 'class="untracked-not"', 'title="untracked"']
)
def test_other_values_do_not_opt_out(markup: str) -> None:
    """Only the documented values opt out."""
    assert WRAPPER.compile(f'<a href="https://shop.test/" {markup}>x</a>').links[0].wrapped


def test_policy_rewrites_destinations() -> None:
    """`destination` sees each link once and says what is signed; None leaves the link alone; nonsense is judged."""
    seen: list[Link] = []

    def destination(link: Link) -> str | None:
        seen.append(link)
        assert link.url is not None
        return {"/1": link.url + "?utm_source=mail", "/2": None, "/3": "javascript:alert(1)"}[link.url[-2:]]

    wrapper = LinkWrapper(KEYS, policy=LinkPolicy(destination=destination))
    html = "".join(f'<a href="https://shop.test/{number}">' for number in (1, 2, 3))
    template = wrapper.compile(html)
    assert [link.reason for link in template.links] == [None, "policy", "scheme"]
    assert template.links[0].url == "https://shop.test/1?utm_source=mail"
    assert [(link.element, link.start) for link in seen] == [("a", 9), ("a", 39), ("a", 69)]


def test_policy_skips_hosts() -> None:
    """Hosts of the sender's own are left alone, those under a wildcard too, however they are spelled."""
    policy = LinkPolicy(skip_hosts=["Login.Shop.test", "*.bücher.test"])
    wrapper = LinkWrapper(KEYS, policy=policy)
    hosts = ["login.shop.test", "LOGIN.shop.test.", "login.shop.test:8443", "a.b.bücher.test", "u@login.shop.test"]
    for host in hosts:
        assert wrapper.compile(f'<a href="https://{host}/">').links[0].reason == "policy", host
    for host in ("shop.test", "xlogin.shop.test", "bücher.test"):
        assert wrapper.compile(f'<a href="https://{host}/">').links[0].wrapped, host


def test_policy_lists_every_fault() -> None:
    """A policy with several faults is refused in one message."""
    with pytest.raises(OptionError, match=r"not acme.*not a DNS host name"):
        LinkPolicy(honour=["acme"], skip_hosts=["a b"])
    with pytest.raises(
        TypeError, match=r"not acme.*not a DNS host name.*destination must be a callable or None, not str"
    ):
        LinkPolicy(honour=["acme"], skip_hosts=["a b"], destination="x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="skip_hosts must be a collection of host names, not str"):
        LinkPolicy(skip_hosts="shop.test")
    with pytest.raises(
        TypeError, match=r"^each of honour must be str, not int; each of skip_hosts must be str, not None$"
    ):
        LinkPolicy(honour=[1], skip_hosts=["a.test", None])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="honour must be a collection of senders, not int"):
        LinkPolicy(honour=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="url must be str, not int"):
        LinkPolicy().skips(5)  # type: ignore[arg-type]


def test_policy_whose_destination_returns_no_text() -> None:
    """The error names the type that came back."""
    wrapper = LinkWrapper(KEYS, policy=LinkPolicy(destination=lambda link: 5))  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError, match="destination must return str or None, not int"):
        wrapper.compile(MAIL)
