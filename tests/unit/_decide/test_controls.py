"""Control attributes: which tags are read, and that the quick look at a tag misses none."""

import importlib.util
from typing import cast

import pytest

from linkwrap._decide.controls import REMOVED, read_controls, read_marked
from linkwrap._decide.decision import UNMARKED
from linkwrap._markup.source import open_source
from linkwrap.policy import OPT_OUTS, SENDERS


def test_opt_out_with_any_name_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """An opt-out is named in the policy alone: nothing else has to be changed for another name."""
    monkeypatch.setitem(cast("dict[str, tuple[str, str | None]]", OPT_OUTS), "mandrill", ("mc:leave", None))
    spec = importlib.util.find_spec("linkwrap._decide.controls")
    assert spec is not None
    assert spec.loader is not None
    controls = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(controls)
    tag = "<a href=x MC:leave>"
    (mark,) = controls.read_marked(open_source(tag), [0], [len(tag)], SENDERS).values()
    assert mark.draft.reason == "opted-out"


@pytest.mark.parametrize("sender", sorted(SENDERS))
def test_opt_out_is_read_in_any_case(sender: str) -> None:
    """A tag with a sender's opt-out is read, and counts only where that sender is honoured."""
    name, value = OPT_OUTS[sender]
    plain, tag = "<a href=x>", f'<a href=x {name.upper()}="{value or ""}">'
    source = open_source(plain + tag)
    starts, ends = [0, len(plain)], [len(plain), len(plain) + len(tag)]
    assert {at: mark.draft.reason for at, mark in read_marked(source, starts, ends, [sender]).items()} == {
        1: "opted-out"
    }
    assert read_marked(source, starts, ends, SENDERS - {sender})[1].draft == UNMARKED


@pytest.mark.parametrize("name", sorted(REMOVED))
def test_removed_attribute_is_cut_out(name: str) -> None:
    """The span holds the attribute and the space before it."""
    tag = f'<a {name}="1" href=x>'
    (mark,) = read_marked(open_source(tag), [0], [len(tag)], SENDERS).values()
    assert [tag[start:end] for start, end in mark.cuts] == [f' {name}="1"']


def test_tags_without_marks_are_not_read() -> None:
    """A hint in a URL is no mark."""
    tag = '<a href="https://track.test/?data-x=1">'
    assert read_marked(open_source(tag), [0], [len(tag)], SENDERS) == {}


def test_first_link_name_counts() -> None:
    """Of the two names of the attribute, the one without the inner hyphen comes first."""
    attributes = {"data-msys-link-name": "second", "data-msys-linkname": "first"}
    assert read_controls(attributes, SENDERS).name == "first"
    assert read_controls({"data-msys-link-name": "second"}, SENDERS).name == "second"
