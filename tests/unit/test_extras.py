"""Optional packages: an integration whose packages are not installed names its extra."""

import subprocess
import sys

import pytest

from linkwrap._extras import missing_extra


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("linkwrap.jinja", "jinja2", "jinja"),
        ("linkwrap.jinja", "markupsafe", "jinja"),
        ("linkwrap.django", "django", "django"),
        ("linkwrap.django.backend", "django", "django"),
        ("linkwrap.django.urls", "django", "django"),
        ("linkwrap.server.app", "starlette", "server"),
        ("linkwrap.server.serve", "starlette", "server"),
        ("linkwrap.server.serve", "granian", "server"),
    ],
)
def test_missing_package_names_the_extra(module: str, package: str, extra: str) -> None:
    """The last line says which package is missing and what to install, and no other error stands above it."""
    # The registry is imported when it is first used.
    code = f"import sys; sys.modules[{package!r}] = None; import {module} as module; module.DomainRegistry"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    expected = f"{package} is not installed: linkwrap.{extra} needs pip install '.[{extra}]' in a clone of linkwrap"
    assert last == f"ModuleNotFoundError: {expected}"
    assert done.stderr.count("Traceback") == 1


def test_other_missing_packages_are_told_as_they_are() -> None:
    """A package that the extra does not bring is not taken for one that it does."""
    error = ModuleNotFoundError("No module named 'other'", name="other")
    assert missing_extra(error, "jinja", "jinja2") is error
    part = ModuleNotFoundError("No module named 'jinja2.ext'", name="jinja2.ext")
    assert missing_extra(part, "jinja", "jinja2").name == "jinja2"
