"""One file: read, wrapped and written, and what is to be told of it."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import click

from .._mime.template import MessageTemplate
from ..errors import LinkWrapError
from ..keys import SigningKeys
from .files import STANDARD, read_input, write_output
from .keys import KeySource
from .options import Wrapping

_FAULTS = ("malformed", "transfer-encoding", "charset")
"""Why a body is kept that should be wrapped."""


class Outcome(NamedTuple):
    """What came of a file."""

    state: Literal["wrapped", "left", "failed"]
    note: str | None = None
    """What the user should be told, if anything."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is done to a file; it can be handed to a process of our own."""

    wrapping: Wrapping
    source: KeySource
    click_tracking: bool

    def start(self) -> Callable[[tuple[str, str]], Outcome]:
        """Make the keys; return what takes the name of a file and that of its output, and never fails."""
        keys = self.source.keys()
        return lambda names: self._attempt(keys, *names)

    def wrap(self, keys: SigningKeys, name: str, output: str) -> Outcome:
        """Wrap a file. Raises what `read_input`, `write_output` and a `LinkWrapper` do."""
        message = self.wrapping.takes_message(name)
        source = read_input(name)
        wrapping = self.wrapping.for_input(source, message=message)
        wrapped, template = wrapping.wrap(source, keys, message=message, click_tracking=self.click_tracking)
        write_output(output, wrapped)
        return _told(name, template) if isinstance(template, MessageTemplate) else Outcome("wrapped")

    def _attempt(self, keys: SigningKeys, name: str, output: str) -> Outcome:
        try:
            return self.wrap(keys, name, output)
        except click.ClickException as error:
            return failed(error.format_message())
        except LinkWrapError as error:
            return failed(f"{click.format_filename(name)}: {error}")
        except BrokenPipeError:
            return failed(f"cannot write {click.format_filename(output)}: its reader went away")
        except MemoryError:
            return failed(f"{click.format_filename(name)}: out of memory")
        except Exception as error:
            if os.environ.get("LINKWRAP_TRACEBACK"):
                raise
            # Not the exception's own text, which may quote the mail.
            return failed(
                f"{click.format_filename(name)}: a fault in linkwrap ({type(error).__name__}): "
                "LINKWRAP_TRACEBACK=1 shows where"
            )


def failed(message: str) -> Outcome:
    """Return the outcome of a file that was not wrapped."""
    return Outcome("failed", f"Error: {message}")


def _told(name: str, message: MessageTemplate[bytes]) -> Outcome:
    shown = "standard input" if name == STANDARD else click.format_filename(name)
    kept = [(part.content_type, part.reason) for part in message.parts if part.reason]
    if len(kept) == len(message.parts):
        return Outcome("left", f"Left as it was: {shown}: {_listed(reason for _, reason in kept)}")
    faults = [f"{content_type} ({reason})" for content_type, reason in kept if reason in _FAULTS]
    return Outcome("wrapped", f"Warning: {shown}: left as it was: {_listed(faults)}" if faults else None)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words)) or "empty"
