"""Which hosts and addresses may be connected to on behalf of a client.

Without this, a location would let a client reach what only the orchestrator can: services on its
own machine and network, and the cloud's metadata address (server-side request forgery).
"""

import ipaddress
import socket
from collections.abc import Sequence

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from meshkit.errors import Forbidden
from orchestrator.documents.config import DocumentLimits

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def check_host(url: URL, limits: DocumentLimits, name: str) -> None:
    """
    Raises:
        Forbidden: LOCATION_NOT_ALLOWED, the host is not on the operator's list;
            ADDRESS_NOT_ALLOWED, it is an address that must not be reached.
    """
    host, port = (url.host or "").rstrip(".").lower(), url.port
    if not any(_matches(host, port, url.scheme, entry) for entry in limits.allowed_hosts):
        raise Forbidden(
            f"{name}: documents from this host are not taken; the operator's allowed_hosts say "
            "from which",
            reason="LOCATION_NOT_ALLOWED",
            metadata={"field": "location"},
        )
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return
    if not _may_reach(address, limits):
        raise _refused(host)


class GuardedResolver(AbstractResolver):
    """Resolves names, and refuses those that lead to an address which must not be reached.

    aiohttp connects to exactly the addresses answered here, so a name that resolves differently
    the next time (DNS rebinding) gains nothing.
    """

    def __init__(self, limits: DocumentLimits, inner: AbstractResolver | None = None) -> None:
        self._limits = limits
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
            if not _may_reach(address, self._limits):
                raise _refused(host)
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
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return host == pattern


def _may_reach(address: Address, limits: DocumentLimits) -> bool:
    return all(_is_public(each) or _is_allowed(each, limits) for each in _meant(address))


def _is_public(address: Address) -> bool:
    return address.is_global and not address.is_multicast


def _is_allowed(address: Address, limits: DocumentLimits) -> bool:
    return any(
        address.version == network.version and address in network
        for network in limits.allowed_networks
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


def _refused(host: str) -> Forbidden:
    return Forbidden(
        f"{host} leads to an address that is private, loopback or otherwise not public, and not in "
        "the operator's allowed_networks",
        reason="ADDRESS_NOT_ALLOWED",
        metadata={"field": "location"},
    )
