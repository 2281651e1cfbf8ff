"""Which hosts and addresses may be connected to on behalf of a client.

Without this, a document's location or a webhook would let a client reach what only our processes
can: services on their own machine and network, and the cloud's metadata address (server-side
request forgery).
"""

import ipaddress
import socket
from collections.abc import Sequence
from typing import Protocol

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from meshkit.errors import Forbidden

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Reach(Protocol):
    """What the operator allows."""

    @property
    def allowed_hosts(self) -> Sequence[str]:
        """`files.example.org`, `*.example.org`, `10.0.0.7:8443`, `*` for any.

        Without a port only the scheme's own port is allowed.
        """

    @property
    def allowed_networks(self) -> Sequence[Network]:
        """Networks that hosts may be in although they are not public."""


def check_host(url: URL, reach: Reach, name: str, field: str = "location") -> None:
    """Whether a URL may be asked for, as far as its text tells.

    Args:
        url: the URL.
        reach: what the operator allows.
        name: the URL as it may be shown.
        field: of the request, that the URL is from.

    Raises:
        Forbidden: LOCATION_NOT_ALLOWED, the host is not on the operator's list;
            ADDRESS_NOT_ALLOWED, it is an address that must not be reached.
    """
    host, port = (url.host or "").rstrip(".").lower(), url.port
    if not any(_matches(host, port, url.scheme, entry) for entry in reach.allowed_hosts):
        raise Forbidden(
            f"{name}: this host is not among those that the operator allows for a {field}",
            reason="LOCATION_NOT_ALLOWED",
            metadata={"field": field},
        )
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return
    if not _may_reach(address, reach):
        raise _refused(host, field)


class GuardedResolver(AbstractResolver):
    """Resolves names, and refuses those that lead to an address which must not be reached.

    aiohttp connects to exactly the addresses answered here, so a name that resolves differently
    the next time (DNS rebinding) gains nothing.
    """

    def __init__(
        self, reach: Reach, inner: AbstractResolver | None = None, field: str = "location"
    ) -> None:
        self._reach = reach
        self._field = field
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """
        Raises:
            Forbidden: ADDRESS_NOT_ALLOWED, when any of the host's addresses is such.
            OSError: the name cannot be resolved.
        """
        results = await self._inner.resolve(host, port, family)
        for result in results:
            # An address of the link-local kind may carry a zone: fe80::1%eth0.
            address = ipaddress.ip_address(result["host"].partition("%")[0])
            if not _may_reach(address, self._reach):
                raise _refused(host, self._field)
        return results

    async def close(self) -> None:
        await self._inner.close()


def _matches(host: str, port: int | None, scheme: str, entry: str) -> bool:
    pattern, _, stated = entry.lower().rpartition(":")
    if not (pattern and stated.isdecimal()) or (":" in pattern and not pattern.endswith("]")):
        pattern, stated = entry.lower(), ""
    wanted_port = int(stated) if stated else _DEFAULT_PORTS[scheme]
    if port != wanted_port:
        return False
    pattern = pattern.strip("[]")
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return host == pattern


def _may_reach(address: Address, reach: Reach) -> bool:
    return all(_is_public(each) or _is_allowed(each, reach) for each in _meant(address))


def _is_public(address: Address) -> bool:
    return address.is_global and not address.is_multicast


def _is_allowed(address: Address, reach: Reach) -> bool:
    return any(
        address.version == network.version and address in network
        for network in reach.allowed_networks
    )


def _meant(address: Address) -> Sequence[Address]:
    """The address itself, or the IPv4 addresses that it stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.sixtofour is not None:
        return [address.sixtofour]
    if address.teredo is not None:
        return list(address.teredo)
    if address in _NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)]
    return [address]


def _refused(host: str, field: str) -> Forbidden:
    return Forbidden(
        f"{host} leads to an address that is private, loopback or otherwise not public, and not in "
        "a network that the operator allows",
        reason="ADDRESS_NOT_ALLOWED",
        metadata={"field": field},
    )
