"""What a registry takes when it is made, and that its values need no third-party package."""

import subprocess
import sys
from typing import Any

import pytest

from helpers.registries import open_registry
from linkwrap import OptionError, TrackingDomain
from linkwrap.domains import DomainRegistry


def test_options_of_wrong_types() -> None:
    """All faults are listed in one message."""
    options: dict[str, Any] = {
        "keys": "a secret that stays one",
        "cname_target": 7,
        "create": "no",
        "network": "1.1.1.1",
        "on_change": 1,
        "check": "yes",
        "clock": 12,
    }
    with pytest.raises(TypeError) as error:
        DomainRegistry(None, **options)  # type: ignore[arg-type]
    assert str(error.value) == (
        "DomainRegistry: url must be str such as sqlite:///domains.db, not None; "
        "keys must be SigningKeys, not str; "
        "cname_target must be str or TrackingDomain, not int; create must be bool, not str; "
        "network must be Network, not str; on_change must be a callable, not int; check must be a callable, not str; "
        "clock must be a callable, not int"
    )
    assert not holds(error.value, "a secret that stays one", skip=__file__)


def holds(error: BaseException, secret: str, *, skip: str) -> bool:
    """Whether a variable of a frame of the traceback, but those of a file, is a secret."""
    traceback = error.__traceback__
    while traceback:
        frame = traceback.tb_frame
        if frame.f_code.co_filename != skip and any(value == secret for value in frame.f_locals.values()):
            return True
        traceback = traceback.tb_next
    return False


def test_cname_target_that_is_not_verified() -> None:
    """A CNAME target that no mail could fall back to is refused when it is given, not when mail is sent."""
    with pytest.raises(OptionError, match="cname_target must be a host name, or a TrackingDomain that is verified"):
        open_registry("sqlite:///x.db", cname_target=TrackingDomain("links.example.com"))


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("mysql://localhost/x", "must be SQLite or PostgreSQL, not mysql"),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
        ("domains.db", "the URL must be that of a database, such as sqlite:///domains.db for a file, or postgresql"),
        ("nosuch://user:hunter2@host/x", "must be SQLite or PostgreSQL, not nosuch"),
        ("postgresql+nosuch://user:hunter2@host/x", "the URL must be that of a database"),
        ("postgresql+psycopg://user:hunter2@host:port/x", "the URL must be that of a database"),
        ("postgres://user:hunter2@host/x", r"not postgres: write postgresql\+psycopg://"),
        ("", "the URL must be that of a database"),
        ("sqlite:///domains.db?mode=ro", "must be a file and nothing else"),
        ("sqlite:///file:domains.db", "must be a file and nothing else"),
        ("sqlite:////nowhere/at/all/domains.db", "a file in a folder that exists"),
        ("sqlite:////tmp", "a file in a folder that exists"),
    ],
)
def test_urls_that_cannot_be_one(url: str, complaint: str) -> None:
    """They are refused at once, and the message holds no password."""
    with pytest.raises(OptionError, match=complaint) as error:
        open_registry(url)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("package", ["dns", "httpx", "publicsuffixlist", "sqlalchemy"])
@pytest.mark.parametrize(
    "imports",
    [
        "from linkwrap.domains import DomainRegistry",
        "from linkwrap.domains import Network",
        "import linkwrap.domains.registry",
        "import linkwrap.domains.checks.network",
    ],
)
def test_without_the_extra(package: str, imports: str) -> None:
    """The error names the package, as it is installed, and the extra."""
    code = f"import sys; sys.modules[{package!r}] = None; {imports}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    installed = "dnspython" if package == "dns" else package
    install = "pip install '.[domains]' in a clone of linkwrap"
    assert last == f"ModuleNotFoundError: {installed} is not installed: linkwrap.domains needs {install}"


def test_values_without_the_extra() -> None:
    """Values, and which states there are, need none of its packages."""
    code = """
import sys
for package in ("dns", "httpx", "publicsuffixlist", "sqlalchemy"):
    sys.modules[package] = None
from linkwrap.domains import Change, CheckResult, DnsRecord, Domain, DomainRequest, Evidence, Probe, Trace
from linkwrap.domains.model import METHODS, STATES
from linkwrap.domains.lifecycle import finish
"""
    subprocess.run([sys.executable, "-c", code], check=True)
