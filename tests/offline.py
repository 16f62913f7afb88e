"""An internet of our own: names and addresses that tests invent; whatever else would leave the machine is refused and counted."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket

_NEVER = (".invalid", ".example", ".test")  # names that nobody has: looking them up is no leak
_LOCAL = ("", "localhost", "localhost.localdomain", "0.0.0.0", "::", "<broadcast>")


def _text(host):
    return "" if host is None else host.decode() if isinstance(host, bytes) else str(host)


def _number(host):
    """Return an address that is written in any way that needs no look-up, or None."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.ip_address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


class World:
    """What exists beyond this machine, for the tests of this process.

    `names`: from a name to its addresses, or to a function that returns them; `routes`: from a public address to a
    port of this machine; `lookups`: names that were asked for; `refused`: what would have left the machine.
    """

    def __init__(self):
        self.names, self.routes, self.lookups, self.refused = {}, {}, [], []
        self._peers = {}  # of sockets that were led to this machine

    def install(self):
        """Take the place of the resolver and of `connect` in this process."""
        real = {n: getattr(socket, n) for n in ("getaddrinfo", "gethostbyname", "gethostbyname_ex")}
        kept = {n: getattr(socket.socket, n) for n in ("connect", "connect_ex", "sendto", "getpeername")}

        def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
            return [
                a for name in self._found(host) for a in real["getaddrinfo"](name, port, family, type, proto, flags)
            ]

        def gethostbyname(host):
            return real["gethostbyname"](self._found(host)[0])

        def gethostbyname_ex(host):
            return (_text(host), [], [real["gethostbyname"](name) for name in self._found(host)])

        def connect(sock, address):
            return kept["connect"](sock, self._lead(sock, address))

        def connect_ex(sock, address):
            try:
                return kept["connect_ex"](sock, self._lead(sock, address))
            except OSError as error:
                return error.errno

        def sendto(sock, data, *rest):
            return kept["sendto"](sock, data, *rest[:-1], self._lead(sock, rest[-1]))

        def getpeername(sock):
            return self._peers.get((id(sock), sock.fileno())) or kept["getpeername"](sock)

        for function in (getaddrinfo, gethostbyname, gethostbyname_ex):
            setattr(socket, function.__name__, function)
        for function in (connect, connect_ex, sendto, getpeername):
            setattr(socket.socket, function.__name__, function)

    def _found(self, host):
        """Return what the real resolver may be asked: addresses, or names of this machine."""
        name = _text(host)
        self.lookups.append(name)
        plain = name.rstrip(".").lower()
        if plain in self.names:
            found = self.names[plain]
            return found() if callable(found) else found
        if plain in _LOCAL or plain == socket.gethostname().lower() or _number(name) is not None:
            return [host]
        if not plain.endswith(_NEVER):
            self.refused.append(f"look up {name}")
        raise socket.gaierror(socket.EAI_NONAME, f"there is no {name} in the tests' world")

    def _lead(self, sock, address):
        """Return where to connect to instead, refusing what lies outside."""
        if sock.family not in (socket.AF_INET, socket.AF_INET6):
            return address
        (host,) = self._found(address[0])[:1]
        number = _number(_text(host))
        if number is None or number.is_loopback or number.is_unspecified:
            return (host, *address[1:])
        if str(number) in self.routes:
            self._peers[id(sock), sock.fileno()] = (str(number), *address[1:])
            here = "127.0.0.1" if sock.family == socket.AF_INET else "::ffff:127.0.0.1"
            return (here, self.routes[str(number)], *address[2:])
        self.refused.append(f"connect to {number} port {address[1]}")
        raise OSError(errno.ENETUNREACH, f"{os.strerror(errno.ENETUNREACH)}: {number} is not in the tests' world")
