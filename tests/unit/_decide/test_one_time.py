"""One-time links: which destinations count as one, and what of them an event may have."""

import random
import time
import uuid
from urllib.parse import quote

import pytest

from linkwrap._decide.destination import read_destination
from linkwrap._decide.one_time import event_url, is_one_time

HEX = "8f14e45fceea167a5a36dedd4bea2543"
HEX_16 = "d41c8e07b95a2f63"
HEX_40 = "c050a28e0de37b6079f4dcb8cfd4594ad7d23f44"
HEX_64 = HEX + "0d9be21c77f84ac6b5e1930fd2a7486c"
BASE64URL = "dGhpcyBpcyBhIHNlY3JldA-7kQ2x_PzL9"
LETTERS_20 = "XE6wE17zmphl3KqAPFxO"
LETTERS_32 = "gh80pkjGdsPyiXc0sUUXswX1uGN7crUr"
LETTERS_40 = "Qm3ZtY8fWc1LxR5vUo7JdKb2HnSe9GaT4pXi6NyE"
UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
COGNITO = "https://a.auth.eu-west-1.amazoncognito.com/confirmUser"
FIREBASE = f"https://a.firebaseapp.com/__/auth/action?apiKey=x&mode=signIn&oobCode={BASE64URL}&lang=en"

# The forms of frameworks and services, each with what stays of it in an event.
SERVICES = [
    # Django, django-allauth
    (f"https://a.test/accounts/reset/MQ/c4k2ab-{HEX}/", "https://a.test/accounts/reset/"),
    (f"https://a.test/accounts/confirm-email/MTU:1kxyzA:{BASE64URL}/", "https://a.test/accounts/confirm-email/"),
    (f"https://a.test/accounts/password/reset/key/1-c4k2ab-{HEX}/", "https://a.test/accounts/password/reset/key/"),
    # Rails: Devise, devise_invitable, has_secure_password
    (f"https://a.test/users/password/edit?reset_password_token={LETTERS_20}", "https://a.test/users/password/edit"),
    (f"https://a.test/users/confirmation?confirmation_token={LETTERS_20}", "https://a.test/users/confirmation"),
    (f"https://a.test/users/unlock?unlock_token={LETTERS_20}", "https://a.test/users/unlock"),
    (f"https://a.test/users/invitation/accept?invitation_token={LETTERS_20}", "https://a.test/users/invitation/accept"),
    (f"https://a.test/account_activations/{BASE64URL}/edit?email=a%40a.test", "https://a.test/account_activations/"),
    # Laravel
    (f"https://a.test/password/reset/{HEX_64}?email=a%40a.test", "https://a.test/password/reset/"),
    (f"https://a.test/email/verify/1/{HEX_40}?expires=1764500000&signature={HEX_64}", "https://a.test/email/verify/"),
    # Symfony, ASP.NET Core, Phoenix, Meteor, NextAuth, Spring
    (f"https://a.test/reset-password/reset/{LETTERS_40}", "https://a.test/reset-password/reset/"),
    (f"https://a.test/verify/email?expires=1764500000&signature={BASE64URL}&token=x", "https://a.test/verify/email"),
    (
        f"https://a.test/Identity/Account/ConfirmEmail?userId={UUID}&code={BASE64URL}",
        "https://a.test/Identity/Account/ConfirmEmail",
    ),
    (f"https://a.test/users/log_in/{BASE64URL}", "https://a.test/users/log_in/"),
    (f"https://a.test/#/reset-password/{BASE64URL}", "https://a.test/"),
    (f"https://a.test/#/enroll-account/{BASE64URL}", "https://a.test/"),
    (
        f"https://a.test/api/auth/callback/email?callbackUrl=https%3A%2F%2Fa.test%2F&token={HEX_64}&email=a%40a.test",
        "https://a.test/api/auth/callback/email",
    ),
    (f"https://a.test/registrationConfirm?token={UUID}", "https://a.test/registrationConfirm"),
    # Firebase, also in a dynamic link
    (FIREBASE, "https://a.firebaseapp.com/__/auth/action"),
    (f"https://a.page.link/?link={quote(FIREBASE, '')}&apn=test.a&ibi=test.a", "https://a.page.link/"),
    (f"https://a.page.link/?link={FIREBASE}&apn=test.a", "https://a.page.link/"),
    # Auth0
    (f"https://a.eu.auth0.com/lo/reset?ticket={LETTERS_32}#", "https://a.eu.auth0.com/lo/reset"),
    (
        f"https://a.us.auth0.com/u/email-verification?ticket={LETTERS_32}#",
        "https://a.us.auth0.com/u/email-verification",
    ),
    (
        "https://a.auth0.com/passwordless/verify_redirect?connection=email&verification_code=804213&client_id=abc",
        "https://a.auth0.com/passwordless/verify_redirect",
    ),
    # Supabase
    (
        f"https://a.supabase.co/auth/v1/verify?token=pkce_{HEX}&type=recovery&redirect_to=https://a.test/",
        "https://a.supabase.co/auth/v1/verify",
    ),
    (f"https://a.test/#access_token={JWT}&refresh_token=x&type=recovery", "https://a.test/"),
    # Clerk
    (f"https://a.test/dashboard?__clerk_ticket={JWT}", "https://a.test/dashboard"),
    (
        f"https://a.clerk.accounts.dev/v1/tickets/accept?ticket={JWT}&__clerk_ticket={JWT}",
        "https://a.clerk.accounts.dev/v1/tickets/accept",
    ),
    (f"https://clerk.a.test/v1/verify?_clerk_js_version=4&token={JWT}", "https://clerk.a.test/v1/verify"),
    # WordPress, WooCommerce
    (f"https://a.test/wp-login.php?action=rp&key={LETTERS_20}&login=ada", "https://a.test/wp-login.php"),
    (f"https://a.test/wp-activate.php?key={HEX_16}", "https://a.test/wp-activate.php"),
    (f"https://a.test/my-account/lost-password/?key={LETTERS_20}&id=1", "https://a.test/my-account/lost-password/"),
    # Discourse
    (f"https://a.test/u/password-reset/{HEX}", "https://a.test/u/password-reset/"),
    (f"https://a.test/u/activate-account/{HEX}", "https://a.test/u/activate-account/"),
    (f"https://a.test/session/email-login/{HEX}", "https://a.test/session/email-login/"),
    (f"https://a.test/session/otp/{HEX}", "https://a.test/session/otp/"),
    # Slack, GitHub, Stripe, Ghost
    (
        "https://join.slack.com/t/a/shared_invite/zt-1cybwr0tf-u2PWQh4L3BP3tuxLuH4c5w",
        "https://join.slack.com/t/a/shared_invite/",
    ),
    (f"https://github.com/password_reset/{HEX}", "https://github.com/password_reset/"),
    (
        f"https://github.com/users/ada/emails/19602152/confirm_verification/{HEX_40}?utm_source=x",
        "https://github.com/users/ada/emails/19602152/confirm_verification/",
    ),
    (f"https://dashboard.stripe.com/confirm_email?t={LETTERS_32}", "https://dashboard.stripe.com/confirm_email"),
    (f"https://a.test/members/?token={LETTERS_32}&action=signin&r=https%3A%2F%2Fa.test%2F", "https://a.test/members/"),
    # Shopify, Magento, PrestaShop, OpenCart
    (
        f"https://a.myshopify.com/account/activate/207119551/{HEX}-1751394901",
        "https://a.myshopify.com/account/activate/",
    ),
    (f"https://a.myshopify.com/account/reset/5081035899058/{HEX}-1616654823", "https://a.myshopify.com/account/reset/"),
    (
        f"https://a.test/customer/account/createPassword/?id=469&token={LETTERS_32}",
        "https://a.test/customer/account/createPassword/",
    ),
    (
        f"https://a.test/customer/account/confirm/?back_url=&id=5&key={LETTERS_32}",
        "https://a.test/customer/account/confirm/",
    ),
    (
        f"https://a.test/index.php?controller=password&token={HEX}&id_customer=1&reset_token={HEX_40}",
        "https://a.test/index.php",
    ),
    (f"https://a.test/index.php?route=account/reset&code={LETTERS_40}", "https://a.test/index.php"),
    # Okta, Cognito, Keycloak, Kratos
    (f"https://a.okta.com/signin/reset-password/{LETTERS_20}", "https://a.okta.com/signin/reset-password/"),
    (f"https://a.okta.com/welcome/{LETTERS_20}", "https://a.okta.com/welcome/"),
    (f"https://a.okta.com/tokens/{LETTERS_20}/verify", "https://a.okta.com/tokens/"),
    (f"{COGNITO}?client_id=15epggdqj9jse35oamokdpm45i&user_name={UUID}&confirmation_code=679657", COGNITO),
    (f"{COGNITO}/?client_id=15epggdqj9jse35oamokdpm45i&user_name=ada%40a.test&confirmation_code=679657", COGNITO + "/"),
    (
        f"https://a.test/realms/b/login-actions/action-token?key={JWT}&client_id=account&tab_id=x",
        "https://a.test/realms/b/login-actions/action-token",
    ),
    (f"https://a.test/self-service/recovery?flow={UUID}&token={LETTERS_32}", "https://a.test/self-service/recovery"),
    # Drupal, Joomla, MediaWiki, Gitea, Nextcloud, Zulip, Mattermost, Phabricator, Mailchimp
    (f"https://a.test/user/reset/1/1409061179/{BASE64URL}/login", "https://a.test/user/reset/"),
    (f"https://a.test/index.php?option=com_users&task=registration.activate&token={HEX}", "https://a.test/index.php"),
    (f"https://a.test/wiki/Special:ConfirmEmail/{HEX}", "https://a.test/wiki/Special:ConfirmEmail/"),
    (f"https://a.test/user/recover_account?code={HEX_40}", "https://a.test/user/recover_account"),
    (f"https://a.test/lostpassword/reset/form/{LETTERS_20}x/ada", "https://a.test/lostpassword/reset/form/"),
    (f"https://a.test/accounts/do_confirm/{LETTERS_20}abcd", "https://a.test/accounts/do_confirm/"),
    (
        f"https://a.test/signup_user_complete/?d=%7B%22x%22%3A1%7D&t={LETTERS_32}",
        "https://a.test/signup_user_complete/",
    ),
    (f"https://a.test/login/once/welcome/1/{LETTERS_20}/5/", "https://a.test/login/"),
    (
        f"https://a.us1.list-manage.com/subscribe/confirm?u={HEX}&id=0a1b2c3d4e&e=f00",
        "https://a.us1.list-manage.com/subscribe/confirm",
    ),
]

# One form of the address or the secret each.
FORMS = [
    (f"https://a.test/reset/{HEX}", "https://a.test/reset/"),
    (f"https://a.test/magic-link/{UUID}", "https://a.test/magic-link/"),
    (f"https://a.test/magic_login?token={JWT}", "https://a.test/magic_login"),
    (f"https://a.test/autologin/{UUID}", "https://a.test/autologin/"),
    (f"https://a.test/auto-login?token={JWT}", "https://a.test/auto-login"),
    (f"https://a.test/magic/{JWT}", "https://a.test/magic/"),
    (f"https://a.test/login/{JWT}", "https://a.test/login/"),
    (f"https://a.test/u/{UUID}/login", "https://a.test/u/"),
    (f"https://a.test/signin/email?code={BASE64URL}", "https://a.test/signin/email"),
    (f"https://a.test/sign-in?ticket={HEX.upper()}", "https://a.test/sign-in"),
    (f"https://a.test/session/sso?key={HEX}", "https://a.test/session/sso"),
    (f"https://a.test/auth/email-link/{HEX}", "https://a.test/auth/email-link/"),
    (f"https://a.test/verify-email/{UUID}/{HEX}?expires=1764500000", "https://a.test/verify-email/"),
    (f"https://a.test/verifyEmail?t={BASE64URL}#top", "https://a.test/verifyEmail"),
    (f"https://a.test/accept-invitation?id={UUID}", "https://a.test/accept-invitation"),
    (f"https://a.test/team/join?invitation_id={UUID}", "https://a.test/team/join"),
    (f"https://a.test/?otp={HEX}", "https://a.test/"),
    (f"https://a.test/?token={HEX}", "https://a.test/"),
    (f"https://a.test/verify?{HEX}", "https://a.test/verify"),
    (f"https://a.test/verify#{HEX}", "https://a.test/verify"),
    (f"https://a.test/?reset&k={HEX}", "https://a.test/"),
    (f"https://a.test/c/{HEX}/x?token={HEX}", "https://a.test/c/"),
    (f"https://a.test/x;token={HEX}/y", "https://a.test/x;"),
    (f"https://a.test/one-time/{HEX}", "https://a.test/one-time/"),
    (f"https://a.test/recover?c=%7B{HEX}%7D", "https://a.test/recover"),
    (f"https://a.test/reset;t={HEX}/x", "https://a.test/reset;"),
    ("https://a.test/x;otp=482913/y", "https://a.test/x;"),
    ("https://a.test/passwordless/start?c=c2VjcmV0IG9mIGEgcmVhZGVy%3D%3D", "https://a.test/passwordless/start"),
    (f"http://a.test:8080/RESET/{HEX}", "http://a.test:8080/RESET/"),
    # A code before the secret, and secrets that are digits
    (f"https://a.test/reset/ab12/{HEX}", "https://a.test/reset/"),
    (f"https://a.test/verify/482913/{HEX}", "https://a.test/verify/"),
    ("https://a.test/verify/4829130057728106", "https://a.test/verify/"),
    ("https://a.test/verify?code=4829130057728106", "https://a.test/verify"),
    ("https://a.test/x?otp=482913", "https://a.test/x"),
    # Campaign parameters beside a secret
    (f"https://a.test/reset?utm_source=a&key={HEX}&gclid={BASE64URL}", "https://a.test/reset"),
    # Users and passwords
    (f"https://u:pw@a.test/reset/{HEX}", "https://a.test/reset/"),
    (f"https://{HEX}@a.test:8080/login?code={HEX}", "https://a.test:8080/login"),
    # A URL in another: in a parameter, in the path, in the fragment, in a third
    (f"https://a.test/out?u=https://b.test/reset/{HEX}", "https://a.test/out"),
    (f"https://a.test/out?https://b.test/login?token={HEX}", "https://a.test/out"),
    (f"https://a.test/out?u=https%253A%252F%252Fb.test%252Freset%252F{HEX}", "https://a.test/out"),
    (f"https://a.test/out?utm_content=https%3A%2F%2Fb.test%2Freset%2F{HEX}", "https://a.test/out"),
    (f"https://a.test/login?next=%2Freset%2F{HEX}", "https://a.test/login"),
    (f"https://a.test/out/https%3A%2F%2Fb.test%2Freset%2F{HEX}/x", "https://a.test/out/"),
    (f"https://a.test/web/2026/https://b.test/reset/{HEX}", "https://a.test/web/2026/https://b.test/reset/"),
    (f"https://a.test/app#!/login?token={HEX}", "https://a.test/app"),
    (
        f"https://a.safelinks.protection.outlook.com/?url={quote(f'https://a.page.link/?link={quote(FIREBASE)}')}&data=05",
        "https://a.safelinks.protection.outlook.com/",
    ),
]

CLICK_IDS = """_hsenc _kx dclid fbclid gbraid gclid igshid li_fat_id mc_cid mc_eid mkt_tok ml_subscriber_hash msclkid
    oly_enc_id pk_campaign srsltid ttclid twclid utm_campaign utm_id vero_id wbraid yclid""".split()

OTHERS = [
    # A word alone
    "https://a.test/",
    "https://a.test/login",
    "https://a.test/login?next=/account/settings/notifications",
    "https://a.test/reset-password",
    "https://a.test/invite/summer-sale-2026-campaign",
    "https://a.test/confirm?date=2026-11-30T10:58:00Z",
    "https://a.test/confirm?at=20261130105800123456",
    "https://a.test/login?utm_source=newsletter&utm_medium=email&utm_campaign=winter2026offer50percent",
    "https://a.test/verify?code=123456",
    "https://a.test/activate?q=GettingStartedGuideForBeginners",
    "https://a.test/otp?order=1234567890123456",
    "https://a.test/login/articles/A14636-2002Aug13.html",
    "https://a.test/verify/2026Nov30-B12345.html",
    "https://docs.google.com/forms/d/e/1FAIpQLSc8fWc1LxR5vUo7JdKb2HnSe9GaT4pXi6NyEQm3ZtY/viewform?confirm=1",
    f"https://drive.usercontent.google.com/download?id={LETTERS_32}&export=download&confirm=t&uuid={UUID}",
    # A random value alone
    f"https://a.test/products/{UUID}",
    f"https://a.test/c/{BASE64URL}?utm_campaign={HEX}",
    f"https://www.figma.com/design/{LETTERS_20}ab/Login-page?node-id=1-2",
    f"https://a.us1.list-manage.com/track/click?u={HEX}&id=0a1b2c3d4e&e=f00",
    # A word that is part of another, of a host, or of a text
    f"https://a.test/presets/{HEX}",
    f"https://a.test/catalogin/{HEX}",
    f"https://a.test/?tokenizer={HEX}",
    f"https://a.test/posts?page_token={BASE64URL}",
    f"https://a.test/?csrf_token={BASE64URL}",
    f"https://reset.a.test/x/{HEX}",
    "https://a.test/blog/how-to-reset-your-password-in-five-easy-steps",
    "https://a.test/blog/2026-11-30/verification-of-email-addresses",
    f"https://a.test/blog/the-magic-of-tidying-up?id={UUID}",
    f"https://a.test/blog/magic-kitchen/{UUID}",
    f"https://a.test/blog/disaster-recovery/{UUID}",
    f"https://a.test/blog/token-economics/{HEX}",
    f"https://a.test/blog/passwords-are-over-{HEX}",
    f"https://a.test/blog/recovery-stories/read?post={UUID}",
    f"https://www.notion.so/a/Password-policy-{HEX}",
    f"https://www.notion.so/a/Login-{HEX}",
    "https://medium.com/@ada/magic-links-are-here-8f14e45fceea",
    f"https://a.test/magic?variant={UUID}",
    # Block explorers
    "https://etherscan.io/token/0xdac17f958d2ee523a2206206994597c13d831ec7",
    "https://etherscan.io/token/0xdac17f958d2ee523a2206206994597c13d831ec7?a=0x28c6c06298d514db089934071355e5743bf21d60",
    "https://dex.test/swap?token=0xdac17f958d2ee523a2206206994597c13d831ec7",
    "https://solscan.io/token/EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
    # Shops and meetings
    f"https://www.amazon.com/Password-Book-Alphabetical-Tabs/dp/B07XYZ1234?content-id=amzn1.sym.{UUID}&pf_rd_p={UUID}&pd_rd_r={UUID}",
    f"https://www.amazon.com/Magic-Gathering-Kit/dp/B0DSCTTKRM/ref=pd_ci?pd_rd_w=agnf9&content-id=amzn1.sym.{UUID}%3Aamzn1.symc.{UUID}",
    f"https://www.amazon.com/magic/dp/B0DSCTTKRM?content-id=amzn1.sym.{UUID}&dib={JWT}",
    f"https://us02web.zoom.us/j/81234567890?pwd={LETTERS_32}.1",
    f"https://zoom.us/meeting/register/{LETTERS_20}",
    # Ways to and through a login that hold no secret
    f"https://a.test/login?next=/documents/{UUID}",
    f"https://a.test/login?redirect=https%3A%2F%2Fb.test%2Fdocuments%2F{UUID}",
    f"https://a.test/verify?next=%2Fdocuments%2F{UUID}",
    f"https://a.test/login?client_id={LETTERS_32}&state={BASE64URL}&nonce={HEX}",
    f"https://a.test/signup?plan={UUID}",
    f"https://a.test/sso/saml/{UUID}",
    *(f"https://a.test/{word}?{name}={BASE64URL}" for name in CLICK_IDS for word in ("magic-link", "login", "confirm")),
]


@pytest.mark.parametrize(("url", "shown"), SERVICES + FORMS)
def test_one_time_link_is_known_and_cut(url: str, shown: str) -> None:
    """No part of its secret is in the URL for events, which is a destination itself."""
    assert read_destination(url) == (url, None)
    assert is_one_time(url)
    assert event_url(url) == shown
    assert not any(secret in shown for secret in (HEX_16, HEX, HEX_40, BASE64URL, LETTERS_20, LETTERS_32, UUID, "pw"))
    assert read_destination(shown) == (shown, None)
    assert not is_one_time(shown)


@pytest.mark.parametrize(
    ("url", "one_time"),
    [
        (f"https://a.test/orders/confirmation/{UUID}", True),
        (f"https://a.test/login/{UUID}", True),
        (f"https://a.test/{UUID}/login", True),
        (f"https://a.test/blog/magic/{UUID}", True),
        (f"https://a.test/files/report.pdf?token={UUID}", True),
        ("https://a.test/verify?code=123456", False),
        ("https://a.test/invites/x7Tq2Zp9aB", False),
        (f"https://a.test/join/{HEX}", False),
        (f"https://a.test/einladung/{HEX}", False),
        ("https://a.test/out?u=aHR0cHM6Ly9iLnRlc3QvcmVzZXQvOGYxNGU0NWZjZWVhMTY3YQ", False),
    ],
)
def test_documented_mistakes(url: str, one_time: bool) -> None:
    """The page on concepts lists what is taken for a one-time link although it may be none, and what is missed."""
    assert is_one_time(url) == one_time


@pytest.mark.parametrize("url", OTHERS)
def test_other_links_are_whole_in_events(url: str) -> None:
    """A word alone, or a random value alone or of campaigns, is no one-time link; words and dates are not random."""
    assert not is_one_time(url)
    assert event_url(url) == url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:pw@a.test/sale?x=1#y", "https://a.test/sale?x=1#y"),
        ("https://pw@a.test:8080/", "https://a.test:8080/"),
        ("https://u%40a.test:pw@b.test/", "https://b.test/"),
        ("https://a&b:pw@a.test/x", "https://a.test/x"),
        ("https://a.test/out?u=https://u:pw@b.test/x&y=1", "https://a.test/out?u=https://b.test/x&y=1"),
        ("https://a.test/out?u=http%3A%2F%2Fu%3Apw%40b.test%2F", "https://a.test/out?u=http%3A%2F%2Fb.test%2F"),
        ("https://a.test/out?u=http:%2F%2Fu:pw@b.test/", "https://a.test/out?u=http:%2F%2Fb.test/"),
        ("https://a.test/out?u=http%3a%2f%2fu:pw@b.test/", "https://a.test/out?u=http%3a%2f%2fb.test/"),
        ("https://a.test/out/https://u@x:pw@b.test/", "https://a.test/out/https://b.test/"),
        ("https://a.test/out#https://u:pw@b.test/", "https://a.test/out#https://b.test/"),
        # Encoded with and without ":" and "/", and as often as there are URLs in one another
        ("https://a.test/out?u=https%3A//u%3Apw%40b.test/", "https://a.test/out?u=https%3A//b.test/"),
        ("https://a.test/out?u=https://u:pw%40b.test/", "https://a.test/out?u=https://b.test/"),
        (
            f"https://a.test/out?u={quote(quote('https://u:pw@b.test/', ''), '')}&x=1",
            f"https://a.test/out?u={quote(quote('https://b.test/', ''), '')}&x=1",
        ),
        (f"https://a.test/out?u={quote(quote('https://u:pw@b.test/'))}", "https://a.test/out?u=https%253A//b.test/"),
        (
            f"https://a.test/out?u={quote(quote(quote('https://u:pw@b.test/', ''), ''), '')}",
            f"https://a.test/out?u={quote(quote(quote('https://b.test/', ''), ''), '')}",
        ),
        (
            f"https://a.test/out?u={quote('https://b.test/?v=https%3A%2F%2Fu%3Apw%40c.test', '')}",
            f"https://a.test/out?u={quote('https://b.test/?v=https%3A%2F%2Fc.test', '')}",
        ),
        # A password with characters that end a host is encoded once more than the URL
        ("https://u:pw%2F%40@a.test/", "https://a.test/"),
        ("https://a.test/out?u=https://u:p%2Fpw@b.test/", "https://a.test/out?u=https://b.test/"),
        ("https://a.test/out?u=https://u:%3Fpw%23%26@b.test/", "https://a.test/out?u=https://b.test/"),
        (
            f"https://a.test/out?u={quote('https://u:%2Fpw%3F@b.test/', '')}",
            f"https://a.test/out?u={quote('https://b.test/', '')}",
        ),
        # Without a scheme, and in a path, where servers make one slash of two
        ("https://a.test/out?u=//u:pw@b.test/", "https://a.test/out?u=//b.test/"),
        ("https://a.test/out?u=%2F%2Fu%3Apw%40b.test%2F", "https://a.test/out?u=%2F%2Fb.test%2F"),
        ("https://a.test/out/https:/u:pw@b.test/x", "https://a.test/out/https:/b.test/x"),
    ],
)
def test_no_event_has_a_password(url: str, shown: str) -> None:
    """The user and the password before a host go, whether or not the link is a one-time link."""
    assert read_destination(url) == (url, None)
    assert not is_one_time(url)
    assert event_url(url) == event_url(shown) == shown


@pytest.mark.parametrize(
    "url",
    [
        "https://a.test/@ada",
        "https://a.test/share?mail=ada@a.test",
        "https://a.test/share?mail=ada%40a.test&u=https%3A%2F%2Fb.test%2F%40ada",
        "https://a.test/out?u=https://b.test/@ada",
        "https://a.test/out?u=https%3A%2F%2Fb.test%3Fq=a%40b",
        "https://a.test/out?u=https://b.test&mail=ada@a.test",
        "https://a.test/out?u=https%3A%2F%2Fb.test%26mail%3Dada%40a.test",
        "https://a.test/out?u=https%253A%252F%252Fb.test%252F%2540ada&mail=ada@a.test",
        "https://a.test/out?u=//b.test/@ada",
        "https://a.test/out/https:/b.test/@ada",
    ],
)
def test_an_at_sign_elsewhere_stays(url: str) -> None:
    """Names and addresses in a path or a parameter are no password."""
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
    "unit",
    """reset/ reset a1 aA %41 ?token= &a= - a- # aaaa1- % ; = / https:// https%3A%2F%2F &u=https%3A%2F%2Freset &u=/reset
    :// ://@ %3A%2F%2F %40 @ :%40 ://%3A /https://reset?token= %25 &token=aaaa1- &reset= /%2Freset=
    =// https:/ =%2F%2F %253A%252F%252F =%252F%252F %2540 :%252F/ resetpasswordtoken""".split(),
)
@pytest.mark.parametrize("head", ["https://a.test/reset/", "https://a.test/?u=https://b.test/reset?", "https://a@"])
def test_takes_linear_time(unit: str, head: str) -> None:
    """A hostile URL of 100,000 characters takes no more than two seconds of processor time."""
    begin = time.process_time()
    event_url(head + unit * (100_000 // len(unit)))
    assert time.process_time() - begin < 2
