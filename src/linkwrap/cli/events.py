"""`linkwrap events`: the events that the redirect server has stored, to look at, to take elsewhere, to erase."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import wraps
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, Final, get_args

import click

from ..events import FIELDS, MACHINES, Event, EventType
from .files import STANDARD, input_file, output_file, shown
from .options import json_option, option, with_options
from .output import TIME, Cell, Table, fact_lines, print_json, print_lines, printable, spinner, tell

if TYPE_CHECKING:
    from ..server.store import Store, StoredEvent

_POLL_SECONDS: Final = 0.5
_MAX: Final = (1 << 62) - 1  # with one added, SQLite still takes it
_REACH: Final = "exports, back-ups, lines of a fallback, and what other systems were given of them"
_UNITS: Final = {"m": 60, "h": 3600, "d": 86_400}
_AGO: Final = re.compile(r"([0-9]{1,9})([mhd])")
_PLAIN: Final = re.compile(r'[^\s"=]+')
# A spreadsheet takes a cell that begins so for a formula; some also where the sign has its full width.
_FORMULA: Final = tuple("=+-@\t\r＝＋－＠")


def _seconds(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """Read a date or time in ISO 8601, in UTC unless it says otherwise, or how long ago."""
    if value is None:
        return None
    if ago := _AGO.fullmatch(value):
        return max(0, int(time.time()) - int(ago[1]) * _UNITS[ago[2]])
    try:
        found = datetime.fromisoformat(value)
        seconds = int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        seconds = -1
    if seconds < 0:
        raise click.BadParameter(
            "it must be a date such as 2026-11-30, a time such as 2026-11-30T08:00, or 7d for 7 days ago"
        )
    return seconds


def _text(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    try:
        (value or "").encode()
    except UnicodeEncodeError:
        raise click.BadParameter("it must be UTF-8") from None
    return value


def _pair(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, str] | None:
    if _text(context, parameter, value) is None:
        return None
    key, separator, wanted = (value or "").partition("=")
    if not key or not separator:
        raise click.BadParameter("it must be KEY=VALUE, such as rcpt=r-42")
    return key, wanted


_SINCE = option("--since", callback=_seconds, metavar="TIME", help="Only those of this time or later: 2026-11-30, 7d.")
_UNTIL = option("--until", callback=_seconds, metavar="TIME", help="Only those before this time.")
_ACCOUNT = option("--account", "account_id", callback=_text, metavar="ID", help="Only those of an account.")
_TYPE = option("--type", "event_type", type=click.Choice(get_args(EventType)), metavar="TYPE", help="Such as click.")
_WHERE = option("--where", callback=_pair, metavar="KEY=VALUE", help="Only those with this in their metadata.")
_AFTER = option("--after", type=click.IntRange(0, _MAX), metavar="SEQ", help="Those stored after this one.")
_MEANT: Final = (_SINCE, _UNTIL, _ACCOUNT, _TYPE, _WHERE)
_STORE = option(
    "--store", "path", envvar="LINKWRAP_STORE", default="linkwrap-events.db", metavar="FILE", help="The store."
)


def _limit(default: int, least: int, what: str) -> Any:
    return option("--limit", type=click.IntRange(least, _MAX), default=default, metavar="N", help=what)


@click.group(invoke_without_command=True)
@click.pass_context
def events(context: click.Context) -> None:
    """Show and manage stored events.

    They are in the store of the redirect server, a SQLite file: --store names it. Times are in UTC.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


def _command(
    *options: Callable[[Any], Any], name: str | None = None, creates: bool = False
) -> Callable[[Callable[..., int | None]], Any]:
    """Return a decorator for a command of `linkwrap events`, which gets the store, and may return the exit status."""

    def decorate(function: Callable[..., int | None]) -> Any:
        @wraps(function)
        def call(path: str, **values: Any) -> None:
            from ..server.store import Store

            new = creates and not os.path.exists(path)
            with Store(path, create=creates) as store:
                if new:
                    tell(f"Note: {shown(path)} is a new store")
                status = function(store, **values)
            click.get_current_context().exit(status or 0)

        return events.command(name)(with_options(*options, _STORE)(call))

    return decorate


@_command(
    _limit(50, 1, "How many at most: the newest, or with --after the next."), _AFTER, *_MEANT, json_option, name="list"
)
def list_events(store: Store, limit: int, after: int | None, as_json: bool, **meant: Any) -> None:
    """List events, the newest last."""
    if after is None:
        found = list(store.events(after=store.before_newest(limit + 1, **meant), **meant))
        more, found = len(found) > limit, found[-limit:]
    else:
        found = list(islice(store.events(after=after, **meant), limit + 1))
        more, found = len(found) > limit, found[:limit]
    if as_json:
        _print_json(found)
    elif not found:
        tell(f"there is no {'such event' if after or any(meant.values()) else 'event'} in the store")
    else:
        columns = {"seq": 0, "time": 10, "type": 0, "account": 10, "visitor": 13, "metadata": 24, "link": None}
        print_lines([Table(columns, list(map(_row, found)))])
        if more:
            tell(f"there are older ones: --limit shows more than {limit}" if after is None else _later(found[-1].seq))


def _later(seq: int) -> str:
    return f"there are later ones: --after {seq} shows the next"


@_command(
    _limit(10, 0, "How many of the newest to begin with."),
    option("-f", "--follow", is_flag=True, help="Print further events as they are stored, until Ctrl-C."),
    *(_ACCOUNT, _TYPE, _WHERE),
    json_option,
)
def tail(store: Store, limit: int, follow: bool, as_json: bool, **meant: Any) -> None:
    """Print the newest events, a line each.

    The line has the number, time, type, account, visitor, metadata and link.
    """
    try:
        after = store.before_newest(limit, **meant)
        while True:
            last = store.last_seq()  # what is not meant is not read again
            for found in store.events(after=after, **meant):
                after = found.seq
                if as_json:
                    _print_json([found])
                else:
                    print_lines([_line(found)])
            after = max(after, last)
            if not follow:
                return
            if store.is_moved():
                raise click.ClickException(f"the store {shown(str(store.path))} was deleted or replaced: start again")
            time.sleep(_POLL_SECONDS)
    except KeyboardInterrupt:
        if not follow:
            raise


@_command(*_MEANT, json_option)
def stats(store: Store, as_json: bool, **meant: Any) -> None:
    """Count events by type and day, messages and recipients.

    Messages are told apart by message_id in their metadata, recipients by rcpt, both by account.
    """
    with spinner("Counting"):
        found = store.stats(**meant)
    if as_json:
        print_json(found, line=True)
        return
    machines = sum(count for visitor, count in found.by_visitor.items() if visitor in MACHINES)
    visitors = sorted(found.by_visitor.items(), key=lambda item: -item[1])
    facts = {
        "events": f"{found.events:,}, of machines {machines:,}",
        "visitors": ", ".join(f"{visitor} {count:,}" for visitor, count in visitors),
        "messages": f"{found.messages:,}",
        "recipients": f"{found.recipients:,}",
        "oldest": _time(found.first_timestamp),
        "newest": _time(found.last_timestamp),
        "size": f"{found.bytes_on_disk:,} bytes, {found.bytes_used:,} in use",
    }
    print_lines(fact_lines(facts))
    if found.events:
        types = [name for name in get_args(EventType) if name in found.by_type]
        days = [*found.by_day.items(), ("all", found.by_type)]
        rows = [(day, *(f"{counts.get(name, 0):,}" for name in types)) for day, counts in days]
        print_lines(["", Table(dict.fromkeys(("day", *types), 0), rows)])


@_command(click.argument("file", type=click.Path()), json_option, name="import", creates=True)
def import_events(store: Store, file: str, as_json: bool) -> int:
    """Store the events of an export, or of a log.

    FILE is - for standard input. Lines that are no event are skipped, so it can be any log with the events that could
    not be stored, or what export --erasures has written. An event that is in the store already is not stored again.
    """
    with input_file(file) as stream, spinner(f"Importing {shown(file)}"):
        done = store.import_lines(stream)
    if as_json:
        print_json(done, line=True)
    else:
        skipped = f"{done.unreadable + done.other:,} skipped"
        print_lines([f"{done.stored:,} stored, {done.duplicates:,} known already, {skipped}"])
        if done.erasures:
            word = "request to erase was" if done.erasures == 1 else "requests to erase were"
            print_lines([f"{done.erasures:,} {word} carried out"])
        if done.erased:
            print_lines([f"{_counted(done.erased)} not stored: it was asked to erase them"])
    if not done.unreadable:
        return 0
    tell(
        f"Error: {done.unreadable:,} of the lines that were skipped should be events and cannot be read: they are cut, "
        "or of another version of linkwrap"
    )
    return 1


@_command(
    option("-o", "--output", default=STANDARD, type=click.Path(), metavar="FILE", help="Where to write."),
    option("--csv/--json", "as_csv", default=False, show_default=False, help="CSV for spreadsheets, or lines of JSON."),
    option("--erasures", is_flag=True, help="In place of events, what was asked to be erased, as keyed hashes."),
    _AFTER,
    *_MEANT,
)
def export(store: Store, output: str, as_csv: bool, erasures: bool, after: int | None, **meant: Any) -> None:
    """Write events as lines of JSON, or as CSV.

    import reads the JSON again. Keep what --erasures writes beside your back-ups: import erases again after one was
    restored.
    """
    if erasures and (as_csv or after is not None or any(value is not None for value in meant.values())):
        raise click.UsageError("--erasures writes all of them, as JSON: it goes with --output and --store only")
    with output_file(output, private=True) as stream:
        if erasures:
            count = store.export_erasures(stream)
        elif as_csv:
            count = _write_csv(stream, store.events(after=after or 0, **meant), output)
        else:
            count = store.export(stream, after=after or 0, **meant)
    if output != STANDARD:
        written = f"{count:,} request{'s' * (count != 1)} to erase" if erasures else _counted(count)
        tell(f"{written} written to {shown(output)}")


def _write_csv(stream: BinaryIO, found: Iterable[StoredEvent], output: str) -> int:
    terminal = output == STANDARD and sys.stdout.isatty()
    count = 0
    text = io.TextIOWrapper(stream, "utf-8", newline="")
    try:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow((*FIELDS, "machine"))
        for stored in found:
            count += 1
            cells = map(_cell, stored.event.as_dict().items())
            writer.writerow(map(printable, cells) if terminal else cells)
    finally:
        text.detach()
    return count


def _cell(item: tuple[str, Any]) -> str:
    """Return what a field is in CSV."""
    name, value = item
    if name in ("timestamp", "sent_at"):
        text = _time(value).removesuffix(" UTC")
    elif name == "visitor_reasons":
        text = " ".join(value)
    elif value is None or isinstance(value, str):
        text = value or ""
    else:
        text = json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_FORMULA) else text


@_command(
    option(
        "--before", callback=_seconds, metavar="TIME", help="Those before this time: 2026-11-30, or 400d for days ago."
    ),
    option("--where", callback=_pair, metavar="KEY=VALUE", help="Those with this in their metadata."),
    _ACCOUNT,
    option("--yes", is_flag=True, help="Do not ask."),
    json_option,
)
def delete(
    store: Store,
    before: int | None,
    where: tuple[str, str] | None,
    account_id: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Erase events, after asking.

    They are then in no byte of the store's files. With --where, such events of messages sent until now are not stored
    any more, or those before --before TIME. Without a terminal, --yes is needed.
    """
    if before is None and where is None:
        raise click.UsageError("say which events: --before TIME, --where KEY=VALUE, or both")
    if not yes and not (sys.stdin is not None and sys.stdin.isatty()):
        raise click.UsageError("there is no terminal to ask at: --yes deletes without asking")
    if not yes:
        found = store.stats(until=before, where=where, account_id=account_id)
        if found.events:
            times = f"{_time(found.first_timestamp)} to {_time(found.last_timestamp)}"
            tell(f"{_counted(found.events)}, {times}. This does not reach {_REACH}.")
            if not click.confirm("Delete them?", err=True):
                raise click.ClickException("nothing was deleted")
    # Also if there is none: what is in the write-ahead log of events that were deleted before is erased too.
    with spinner("Deleting"):
        count = store.delete(before=before, where=where, account_id=account_id)
    if as_json:
        print_json({"deleted": count, "sinks": store.sinks()}, line=True)
        return
    print_lines([f"{_counted(count)} deleted. This does not reach {_REACH}."])
    if where is not None:
        until = "from before that time" if before is not None else "of messages sent until now"
        print_lines([f"Events {until} that have this in their metadata are not stored any more."])
    if sinks := store.sinks():
        print_lines([f"{sinks} sink{'s hold' if sinks > 1 else ' holds'} copies of the events that were forwarded."])


@_command(click.argument("file", type=click.Path()), json_option)
def backup(store: Store, file: str, as_json: bool) -> None:
    """Copy the store into a new FILE.

    The redirect server may run meanwhile. A copy made by other means may be damaged.
    """
    with spinner("Copying"):
        store.backup(file)
    size = os.stat(file).st_size
    if as_json:
        print_json({"file": os.fspath(file), "bytes": size}, line=True)
    else:
        print_lines([f"The store is copied to {shown(file)}, {size:,} bytes."])


def _counted(count: int) -> str:
    return f"{count:,} event{'s' * (count != 1)}"


def _time(seconds: int | None) -> str:
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):{TIME}}"


def _print_json(found: Iterable[StoredEvent]) -> None:
    for stored in found:
        print_json(stored, line=True)


def _row(stored: StoredEvent) -> tuple[Cell, ...]:
    event = stored.event
    visitor = (event.visitor, "yellow" if event.machine else "green")
    at = _time(event.timestamp).removesuffix(" UTC")
    return (str(stored.seq), at, _type(event), event.account_id, visitor, _metadata(event), _link(event))


def _line(stored: StoredEvent) -> str:
    event = stored.event
    first = (
        f"{stored.seq:<6} {_time(event.timestamp)}  {_type(event):16}  {event.account_id or '-'}  {event.visitor:13}"
    )
    return f"{first}  {_metadata(event) or '-'}  {_link(event)}".rstrip()


def _type(event: Event) -> str:
    return event.type if event.repeated == 1 else f"{event.type} ×{event.repeated}"


def _link(event: Event) -> str:
    return event.target_link_name or event.target_link_url or ""


def _metadata(event: Event) -> str:
    return " ".join(f"{_word(key)}={_word(value)}" for key, value in event.rcpt_meta.items())


def _word(value: Any) -> str:
    """Return a value of metadata, in quotes if it could be taken for more than one."""
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
