"""One-time links: which destinations count as one, and what of them an event may have."""

import random
import time
import uuid

import pytest

from linkwrap._decide.destination import read_destination
from linkwrap._decide.one_time import event_url, is_one_time

HEX = "8f14e45fceea167a5a36dedd4bea2543"
BASE64URL = "dGhpcyBpcyBhIHNlY3JldA-7kQ2x_PzL9"
UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"

# In the forms of frameworks and services, each with what stays of it in an event.
ONE_TIME = [
    (f"https://a.test/reset/{HEX}", "https://a.test/reset/"),
    (f"https://a.test/password/reset/{HEX}?email=a%40a.test", "https://a.test/password/reset/"),  # Laravel
    (f"https://a.test/accounts/reset/MQ/c4k2ab-{HEX}/", "https://a.test/accounts/reset/MQ/"),  # Django
    (f"https://a.test/users/password/edit?reset_password_token={BASE64URL}", "https://a.test/users/password/edit"),
    (f"https://a.test/users/confirmation?confirmation_token={BASE64URL}", "https://a.test/users/confirmation"),
    (f"https://a.test/wp-login.php?action=rp&key={BASE64URL}&login=ada", "https://a.test/wp-login.php"),
    (f"https://a.test/__/auth/action?mode=resetPassword&oobCode={BASE64URL}&apiKey=x", "https://a.test/__/auth/action"),
    (f"https://a.test/auth/v1/verify?token={HEX}&type=signup", "https://a.test/auth/v1/verify"),
    (f"https://a.test/magic-link/{UUID}", "https://a.test/magic-link/"),
    (f"https://a.test/magic_login?token={JWT}", "https://a.test/magic_login"),
    (f"https://a.test/login/{JWT}", "https://a.test/login/"),
    (f"https://a.test/u/{UUID}/login", "https://a.test/u/"),
    (f"https://a.test/signin/email?code={BASE64URL}", "https://a.test/signin/email"),
    (f"https://a.test/sign-in?ticket={HEX.upper()}", "https://a.test/sign-in"),
    (f"https://a.test/verify-email/{UUID}/{HEX}?expires=1764500000", "https://a.test/verify-email/"),
    (f"https://a.test/verifyEmail?t={BASE64URL}#top", "https://a.test/verifyEmail"),
    (f"https://a.test/email/confirm/{HEX}", "https://a.test/email/confirm/"),
    (f"https://a.test/activate/{BASE64URL}/", "https://a.test/activate/"),
    (f"https://a.test/account/activation?key={HEX}", "https://a.test/account/activation"),
    (f"https://a.test/invite/{BASE64URL}", "https://a.test/invite/"),
    (f"https://a.test/accept-invitation?id={UUID}", "https://a.test/accept-invitation"),
    (f"https://a.test/team/join?invitation_id={UUID}", "https://a.test/team/join"),
    (f"https://a.test/?otp={HEX}", "https://a.test/"),
    (f"https://a.test/?token={HEX}", "https://a.test/"),
    (f"https://a.test/#/reset-password/{HEX}", "https://a.test/"),
    (f"https://a.test/app#access_token={JWT}", "https://a.test/app"),
    (f"https://a.test/one-time/{HEX}", "https://a.test/one-time/"),
    (f"https://a.test/recover?c=%7B{HEX}%7D", "https://a.test/recover"),
    (f"https://a.test/reset;t={HEX}/x", "https://a.test/reset;"),
    ("https://a.test/passwordless/start?c=c2VjcmV0IG9mIGEgcmVhZGVy%3D%3D", "https://a.test/passwordless/start"),
    (f"http://a.test:8080/RESET/{HEX}", "http://a.test:8080/RESET/"),
]

OTHERS = [
    "https://a.test/",
    "https://a.test/login",
    "https://a.test/login?next=/account/settings/notifications",
    "https://a.test/reset-password",
    "https://a.test/blog/how-to-reset-your-password-in-five-easy-steps",
    "https://a.test/blog/2026-11-30/verification-of-email-addresses",
    "https://a.test/invite/summer-sale-2026-campaign",
    "https://a.test/confirm?date=2026-11-30T10:58:00Z",
    "https://a.test/confirm?at=20261130105800123456",
    "https://a.test/login?utm_source=newsletter&utm_medium=email&utm_campaign=winter2026offer50percent",
    f"https://a.test/products/{UUID}",
    f"https://a.test/c/{BASE64URL}?utm_campaign={HEX}",
    f"https://a.test/presets/{HEX}",
    f"https://a.test/catalogin/{HEX}",
    f"https://a.test/?tokenizer={HEX}",
    f"https://reset.a.test/x/{HEX}",
    "https://a.test/verify?code=123456",
    "https://a.test/activate?q=GettingStartedGuideForBeginners",
    "https://a.test/otp?order=1234567890123456",
    "https://a.test/login/articles/A14636-2002Aug13.html",
    "https://a.test/verify/2026Nov30-B12345.html",
]


@pytest.mark.parametrize(("url", "shown"), ONE_TIME)
def test_one_time_link_is_known_and_cut(url: str, shown: str) -> None:
    """No part of its secret is in the URL for events, which is a destination itself."""
    assert read_destination(url) == (url, None)
    assert is_one_time(url)
    assert event_url(url) == shown
    assert read_destination(shown) == (shown, None)
    assert not is_one_time(shown)


@pytest.mark.parametrize("url", OTHERS)
def test_other_links_are_whole_in_events(url: str) -> None:
    """A word alone, or a random value alone, is no one-time link; words, dates and numbers are not random."""
    assert not is_one_time(url)
    assert event_url(url) == url


@pytest.mark.parametrize("form", ["hex", "uuid", "base64url", "letters and digits"])
def test_random_values_are_seen(form: str) -> None:
    """Of 1,000 seeded values of 16 bytes in each usual form, at least 94 in 100 count as random."""
    chance = random.Random(16)  # noqa: S311
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    def value() -> str:
        if form == "hex":
            return chance.randbytes(16).hex()
        if form == "uuid":
            return str(uuid.UUID(bytes=chance.randbytes(16), version=4))
        return "".join(chance.choices(alphabet if form == "base64url" else alphabet[:62], k=22))

    assert sum(is_one_time(f"https://a.test/reset/{value()}") for _ in range(1_000)) >= 940


@pytest.mark.parametrize(
    "unit", ["reset/", "reset", "a1", "aA", "%41", "?token=", "&a=", "-", "a-", "#", "aaaa1-", "%"]
)
def test_takes_linear_time(unit: str) -> None:
    """A hostile URL of 400,000 characters takes no more than a second."""
    begin = time.process_time()
    event_url("https://a.test/reset/" + unit * (400_000 // len(unit)))
    assert time.process_time() - begin < 2
