"""A small DNS of real servers on loopback addresses: Knot answers with authority, Unbound resolves.

    with World() as world:
        world.start()
        world.zone("acme.test", "click CNAME spgo.io.")
        world.zone("acme.test", {"ns1": "click CNAME spgo.io.", "ns2": ""})  # its two servers disagree
        world.forget()  # what the resolvers remember

The parent serves `test.` and `io.`. Customers' zones are delegated to NAME.servers.test, of which `SERVERS` lists all.
Authoritative servers listen on one port number. Nothing is asked outside of 127.0.0.0/8 and ::1.
"""

import inspect
import signal
import socketserver
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.query

from helpers.processes import free_port, is_free, program, start, wait
from helpers.redirector import REDIRECTOR, Mute, Slow, serve

PARENT = "127.0.53.1"
REFUSER = "127.0.53.2"
RESOLVERS = ("127.0.53.21", "127.0.53.22")
SERVERS = {
    "ns1": "127.0.53.11",
    "ns2": "127.0.53.12",
    "ns3": "127.0.53.13",  # cuts each answer over UDP
    "ns6": "::1",  # is ns1
    "slow": "127.0.53.14",  # is ns1, `World.slowness` seconds later
    "mute": "127.0.53.15",  # takes datagrams and never answers
    "dead": "127.0.53.16",  # nothing listens
    "inside": "10.0.0.53",
    "mapped": "::ffff:10.0.0.53",
}
"""The address of NAME.servers.test."""

KNOTS = {"ns1": "ns1", "ns2": "ns2", "ns3": "ns3", "ns6": "ns1", "slow": "ns1"}
"""Which knotd answers for a server; for the others none does."""

SLOWNESS = 0.5
TLDS = ("test", "io")


class Knot:
    """One knotd, and the serial of each zone that it serves."""

    def __init__(self, cleanup: ExitStack, folder: Path, addresses: list[str], port: int, options: str = "") -> None:
        self.folder, self.address, self.port, self.log = folder, addresses[0], port, folder / "log"
        self.zones: dict[str, int] = {}
        self._config = f"""\
server:
    rundir: {folder}
    listen: [{", ".join(f"{address}@{port}" for address in addresses)}]
    udp-workers: 1
    tcp-workers: 2
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: {folder}
template:
  - id: default
    storage: {folder}
    journal-content: none
    zonefile-sync: -1
    {options}
"""
        folder.mkdir()
        self._configure()
        self._process = start(cleanup, self.log, program("knotd", "knot"), "-c", folder / "knot.conf")

    def ready(self) -> None:
        """Return when it answers."""
        wait(lambda: self._ask("ready.invalid") is not None, "knotd does not answer", self.log)

    def put(self, origin: str, text: str, serial: int) -> None:
        """Serve a zone from the next `publish` on."""
        (self.folder / f"{origin}.zone").write_text(text)
        self.zones[origin] = serial

    def publish(self) -> None:
        """Have changed zones loaded; `settle` waits for that."""
        self._configure()
        self._logged = self.log.stat().st_size
        self._process.send_signal(signal.SIGHUP)

    def settle(self, origins: Iterable[str]) -> None:
        """Return when these zones are served, or are not, as they should be."""
        for origin in origins:
            wait(partial(self._settled, origin), f"{origin} is not loaded", self.log)

    def _ask(self, origin: str) -> dns.message.Message | None:
        try:
            return dns.query.tcp(dns.message.make_query(origin, "SOA"), self.address, port=self.port, timeout=1)
        except (OSError, EOFError, dns.exception.DNSException):
            return None

    def _settled(self, origin: str) -> bool:
        log = self.log.read_bytes()[self._logged :].decode(errors="replace")
        if f"[{origin}.] zone event 'load' failed" in log:
            raise RuntimeError(f"{origin} is not a zone:\n{log}")
        said = self._ask(origin)
        serial = said.answer[0][0].serial if said and said.answer and said.flags & dns.flags.AA else None
        return serial == self.zones.get(origin)

    def _configure(self) -> None:
        zones = "".join(f"  - domain: {origin}.\n    file: {origin}.zone\n" for origin in self.zones)
        (self.folder / "knot.conf").write_text(self._config + (f"zone:\n{zones}" if zones else ""))


class Unbound:
    """One unbound, which is told where each zone is, and that nothing else exists."""

    def __init__(self, cleanup: ExitStack, folder: Path, address: str, port: int) -> None:
        self.config, self.log, self.stubs = folder / "unbound.conf", folder / "log", dict[str, list[str]]()
        self._control = program("unbound-control", "unbound")
        folder.mkdir()
        root = "".join(f"{tld}. 60 NS a.nic.{tld}.\na.nic.{tld}. 60 A {PARENT}\n" for tld in TLDS)
        (folder / "root.hints").write_text(hints := f". 60 NS a.nic.test.\na.nic.test. 60 A {PARENT}\n")
        (folder / "root.zone").write_text(f". 60 SOA a.nic.test. h.nic.test. 1 3600 600 86400 1\n{hints}{root}")
        stubs = "".join(f"stub-zone:\n  name: {tld}.\n  stub-addr: {PARENT}@{port}\n" for tld in TLDS)
        # The kernel lets no packet out that comes from a loopback address.
        self.config.write_text(f"""\
server:
  interface: {address}@{port}
  outgoing-interface: {address}
  do-ip6: no
  do-not-query-localhost: no
  access-control: 127.0.0.0/8 allow
  local-zone: "test." nodefault
  module-config: "iterator"
  root-hints: "{folder}/root.hints"
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  log-servfail: yes
remote-control:
  control-enable: yes
  control-interface: {folder}/control
  control-use-cert: no
auth-zone:
  name: "."
  zonefile: "{folder}/root.zone"
  for-downstream: no
  for-upstream: yes
{stubs}""")
        start(cleanup, self.log, program("unbound", "unbound"), "-d", "-p", "-c", self.config)

    def ready(self) -> None:
        """Return when it takes commands: it answers then."""
        wait(lambda: self.control("status", check=False), "unbound does not answer", self.log)

    def control(self, *arguments: str, check: bool = True) -> bool:
        """Run unbound-control; whether that went well, where it need not."""
        command = [self._control, "-q", "-c", self.config, *arguments]
        done = subprocess.run(command, check=False, timeout=10, capture_output=True, text=True)
        if check and done.returncode:
            raise RuntimeError(f"unbound-control {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.returncode == 0

    def stub(self, origin: str, addresses: list[str]) -> None:
        """Ask these for a zone; its parent, where there are none."""
        known = self.stubs.get(origin, [])
        if known and addresses != known:
            self.control("stub_remove", f"{origin}.")
        if addresses and addresses != known:
            self.control("stub_add", f"{origin}.", *addresses)
        self.stubs[origin] = addresses


class World(ExitStack):
    """All servers, from `start` to the end of `with`.

    `port` is that of the authoritative servers, `parent` the address of who serves the top-level zones, `resolvers` are
    ADDRESS:PORT of two that share no cache. Of a zone that no server serves they say SERVFAIL, at once.
    Tests may set `slowness`, in seconds, and read `mute_packets`.
    """

    parent = PARENT

    def __init__(self) -> None:
        super().__init__()
        self.slowness, self.mute_packets, self.serial = SLOWNESS, 0, 0
        self.has_ipv6 = is_free("::1", 0)
        places = [PARENT, REFUSER, *RESOLVERS, *(place for place in SERVERS.values() if place.startswith("127."))]
        places += ["::1"] if self.has_ipv6 else []
        self.port = free_port(*places)
        self.resolvers = (f"{RESOLVERS[0]}:{self.port}", f"{RESOLVERS[1]}:{self.port}")
        self._knots: dict[str, Knot] = {}
        self._unbounds: list[Unbound] = []
        self._delegations: dict[str, str] = {}

    def start(self) -> None:
        """Start all, and return when all answer."""
        folder = Path(self.enter_context(tempfile.TemporaryDirectory(prefix="linkwrap-dns-")))
        knot = partial(Knot, self, port=self.port)
        self._parent, refuser = knot(folder / "parent", [PARENT]), knot(folder / "refuser", [REFUSER])
        self._knots["ns1"] = knot(folder / "ns1", [SERVERS["ns1"], *(["::1"] if self.has_ipv6 else [])])
        self._knots["ns2"] = knot(folder / "ns2", [SERVERS["ns2"]])
        self._knots["ns3"] = knot(folder / "ns3", [SERVERS["ns3"]], options="global-module: mod-noudp")
        self._unbounds += [Unbound(self, folder / place, place, self.port) for place in RESOLVERS]
        for kind, name, handler in (
            (socketserver.ThreadingUDPServer, "slow", partial(Slow, self, SERVERS["ns1"])),
            (socketserver.ThreadingTCPServer, "slow", partial(Slow, self, SERVERS["ns1"])),
            (socketserver.UDPServer, "mute", partial(Mute, self)),
        ):
            serve(self, kind((SERVERS[name], self.port), handler))
        for server in (self._parent, refuser, *self._knots.values(), *self._unbounds):
            server.ready()
        self.zone("spgo.io", f"@ A {REDIRECTOR}")

    def zone(
        self,
        origin: str,
        records: str | Mapping[str, str],
        *,
        servers: Iterable[str] = ("ns1", "ns2"),
        on: Iterable[str] | None = None,
        ttl: int = 60,
        negative_ttl: int = 1,
        delegate: bool = True,
    ) -> None:
        """Create or replace a zone, and return when it is served.

        `records` are lines of a zone file, without SOA and NS; or such lines per server, for servers that disagree.
        `servers` are those that it is delegated to: names in `SERVERS`, or whole host names. `on` are those that serve
        it, if others: one that is delegated to but does not serve is lame. With `delegate` the delegation is written
        into `test.` or `io.`; for a zone within a customer's zone, write it into that one's records. The resolvers are
        told where to ask, and keep what they remember: see `forget`.
        """
        origin, servers = origin.rstrip(".").lower(), list(servers)
        if not isinstance(records, Mapping):
            records = dict.fromkeys(servers if on is None else on, records)
        lines = {KNOTS[server]: inspect.cleandoc(text) for server, text in records.items() if server in KNOTS}
        hosts = [server.rstrip(".") if "." in server else f"{server}.servers.test" for server in servers]
        nameservers = "".join(f"{origin}. {ttl} NS {host}.\n" for host in hosts)
        for name, knot in self._knots.items():
            knot.zones.pop(origin, None)
            if name in lines:
                self._put(knot, origin, f"{nameservers}{lines[name]}\n", ttl, negative_ttl)
        self._delegations[origin] = nameservers if delegate else ""
        # Where no server works, a resolver must neither ask what is delegated to, at port 53, nor try for long.
        places = [SERVERS[name] for name in lines] or [REFUSER]
        self._publish([origin], [f"{place}@{self.port}" for place in places])

    def drop(self, *origins: str) -> None:
        """Remove zones and their delegations."""
        for origin in origins:
            self._delegations.pop(origin, None)
            for knot in self._knots.values():
                knot.zones.pop(origin, None)
        self._publish(origins, [])

    def forget(self, number: int | None = None) -> None:
        """Empty the cache of the resolver with this number, 0 or 1, or of both."""
        for unbound in self._unbounds if number is None else [self._unbounds[number]]:
            unbound.control("flush_zone", ".")
            unbound.control("flush_infra", "all")

    def reset(self) -> None:
        """Make the world what it was at first, for the next test."""
        self.slowness, self.mute_packets = SLOWNESS, 0
        self.drop(*(self._delegations.keys() - {"spgo.io"}))
        self.zone("spgo.io", f"@ A {REDIRECTOR}")
        self.forget()

    def _put(self, knot: Knot, origin: str, lines: str, ttl: int = 60, negative_ttl: int = 1) -> None:
        self.serial += 1
        soa = f"a.nic.test. h.nic.test. {self.serial} 3600 600 86400 {negative_ttl}"
        knot.put(origin, f"$ORIGIN {origin}.\n$TTL {ttl}\n@ {negative_ttl} SOA {soa}\n{lines}", self.serial)

    def _publish(self, origins: Iterable[str], places: list[str]) -> None:
        """Have changed zones served everywhere, and the resolvers ask for them there."""
        hosts = (f"{name}.servers.test. {'AAAA' if ':' in at else 'A'} {at}\n" for name, at in SERVERS.items())
        for tld, glue in zip(TLDS, ("".join(hosts), ""), strict=True):
            below = "".join(text for origin, text in self._delegations.items() if origin.endswith(f".{tld}"))
            self._put(self._parent, tld, f"@ NS a.nic\na.nic A {PARENT}\n{glue}{below}")
        for knot in (self._parent, *self._knots.values()):
            knot.publish()
        for unbound in self._unbounds:
            for origin in origins:
                unbound.stub(origin, places)
        for knot, changed in ((self._parent, TLDS), *((knot, origins) for knot in self._knots.values())):
            knot.settle(changed)
