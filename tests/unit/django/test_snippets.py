"""The Django code of the README and of its page runs as it stands: its settings first, then what follows them."""

import re
from typing import Any

import django
import pytest
from django.core import mail
from django.test import override_settings

from helpers.paths import ROOT

BLOCK = re.compile(r"^```py\n(.*?)^```$", re.ASCII | re.DOTALL | re.MULTILINE)
PAGES = ["docs/howto/django.md", *(["README.md"] if BLOCK.search((ROOT / "README.md").read_text("utf-8")) else [])]


@pytest.mark.parametrize("name", PAGES)
def test_code_runs_in_order(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newcomer can put the first block into the settings, and the others work with them."""
    monkeypatch.setenv("LINKWRAP_KEYS", "an example's key of enough bytes")
    page = (ROOT / name).read_text("utf-8")
    settings, *blocks = BLOCK.finditer(page)
    values: dict[str, Any] = {}
    exec(settings[1], values)  # noqa: S102
    if django.VERSION >= (6, 1):
        values["MAILERS"] = {"default": {"BACKEND": values.pop("EMAIL_BACKEND")}}
    names: dict[str, Any] = {"__name__": "example"}
    with override_settings(
        **{name: value for name, value in values.items() if name.isupper()},
        ALLOWED_HOSTS=["click.acme.com", "click.customer.example"],
    ):
        mail.outbox = []
        for block in blocks:
            above = "\n" * page.count("\n", 0, block.start(1))
            exec(compile(above + block[1], name, "exec", dont_inherit=True), names)  # noqa: S102
    assert mail.outbox
