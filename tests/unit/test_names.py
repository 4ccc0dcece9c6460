"""The public names of the core, the options of the command line and its JSON keys are in the words of the glossary."""

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner

import linkwrap
from linkwrap import LinkWrapper, SigningKeys
from linkwrap.cli.app import commands

RETIRED = re.compile(
    r"(^|_)(redirector|(?<!dns_)resolvers?|(?<!cname_)target|vouched|owner|proven|proof|prove|known|verify|examine|findings"
    r"|verdict|reading|outcome|root|unlink|linked|unlinked|what|before|old|new|control|fault|said|silent)($|_)"
)
ALLOWED = {
    *("Resolver", "resolver"),
    *("target_link_index", "target_link_name", "target_link_part", "target_link_url"),
}
"""`Resolver`, its module and the argument of `respond`; SparkPost's names in events."""

KEY = "a key for the tests of the names"
URL = LinkWrapper(SigningKeys(KEY)).wrap_url("https://acme.com/", {"rcpt": "r-42"}, link_name="Shop")
MESSAGE = b"From: a@acme.com\nContent-Type: text/html\n\n<a href='https://acme.com/'>x</a><a href='#top'>y</a>"


def parameters(function: Any) -> Iterator[str]:
    """The names of a function's arguments."""
    code = getattr(inspect.unwrap(getattr(function, "__func__", function)), "__code__", None)
    if code is not None:
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        yield from (name for name in names if not name.startswith("_"))


def public_names() -> Iterator[str]:
    """The public modules of the core, what they export, and the attributes, arguments and fields of that."""
    modules = [linkwrap]
    for found in pkgutil.iter_modules(linkwrap.__path__):
        if not found.name.startswith("_") and found.name not in {"cli", "django", "domains"}:
            yield found.name
            modules.append(importlib.import_module(f"linkwrap.{found.name}"))
    for module in modules:
        exported = getattr(module, "__all__", None)
        for name, value in vars(module).items():
            ours = not inspect.ismodule(value) and getattr(value, "__module__", module.__name__) == module.__name__
            if name.startswith("_") or not (ours if exported is None else name in exported):
                continue
            yield name
            yield from parameters(value)
            if isinstance(value, type):
                yield from parameters(value.__init__)
                yield from (name for name in getattr(value, "__annotations__", {}) if not name.startswith("_"))
                for attribute, inner in vars(value).items():
                    if not attribute.startswith("_"):
                        yield attribute
                        yield from parameters(inner)


def option_names(command: click.Command) -> Iterator[str]:
    """The names of a command, of its options and arguments, and those of its subcommands."""
    if command.name:
        yield command.name
    for parameter in command.params:
        yield from (name.lstrip("-") for name in (*parameter.opts, *parameter.secondary_opts))
        if isinstance(parameter.envvar, str):
            yield parameter.envvar.lower()
        if isinstance(parameter.type, click.Choice):
            yield from parameter.type.choices
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from option_names(inner)


def json_keys(value: Any) -> Iterator[str]:
    """The keys of a value from JSON, those of the values in it too."""
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from json_keys(inner)


def retired(names: Iterator[str] | set[str]) -> set[str]:
    """The names with a word that was retired; words are separated by "_", "-" or a capital."""
    spelled = {name: re.sub(r"(?<=[a-z])(?=[A-Z])|-", "_", name).lower() for name in names}
    return {name for name, words in spelled.items() if RETIRED.search(words)}


def test_public_names() -> None:
    """The core has one word for each thing."""
    names = set(public_names())
    assert {
        "LinkWrapper",
        "wrap_tree",
        "policy",
        "metadata",
        "skip_hosts",
        "respond",
        "raw_path",
        "tracked_links",
    } <= names
    assert retired(names) == ALLOWED


def test_option_names() -> None:
    """Commands, options, arguments, variables and choices of the command line."""
    names = set(option_names(commands))
    assert {"inspect", "domain", "cname-target", "linkwrap_domain", "metadata", "html"} <= names
    assert retired(names) == {"before"}  # of `events delete`: a time, where the glossary is about the state of a domain


@pytest.mark.parametrize("arguments", [["inspect", "--json", "--type", "eml", "-"], ["resolve", "--json", URL]])
def test_json_keys(arguments: list[str]) -> None:
    """The JSON of the commands that read mail and URLs."""
    result = CliRunner().invoke(commands, arguments, input=MESSAGE, env={"LINKWRAP_KEYS": KEY})
    assert result.exit_code == 0
    keys = set(json_keys(json.loads(result.stdout)))
    assert len(keys) >= 9
    assert retired(keys) == set()
