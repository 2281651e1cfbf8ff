import socket
from ipaddress import ip_network

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from meshkit.addresses import GuardedResolver, check_host
from meshkit.errors import Forbidden
from orchestrator.documents.config import DocumentLimits

PUBLIC = "93.184.215.14"


class Answers(AbstractResolver):
    """Answers each lookup with the next of its lists."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for address in self._answers.pop(0)
        ]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",  # noqa: S104 - is refused here
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%2",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::10.0.0.1",
        "2002:7f00:1::1",
    ],
)
async def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    resolver = GuardedResolver(DocumentLimits(), Answers([PUBLIC, address]))
    with pytest.raises(Forbidden) as caught:
        await resolver.resolve("files.example.org", 443)
    assert caught.value.reason == "ADDRESS_NOT_ALLOWED"


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
async def test_public_addresses_are_taken_as_they_were_resolved(address: str) -> None:
    results = await GuardedResolver(DocumentLimits(), Answers([address])).resolve("a.example", 443)
    assert [result["host"] for result in results] == [address]


async def test_an_operator_may_allow_a_private_network() -> None:
    limits = DocumentLimits(allowed_networks=(ip_network("10.20.0.0/16"),))
    resolver = GuardedResolver(limits, Answers(["10.20.3.4"], ["10.21.3.4"]))
    assert await resolver.resolve("scans.intern", 443)
    with pytest.raises(Forbidden):
        await resolver.resolve("scans.intern", 443)


async def test_a_name_that_changes_its_address_is_refused_the_second_time() -> None:
    resolver = GuardedResolver(DocumentLimits(), Answers([PUBLIC], ["127.0.0.1"]))
    assert await resolver.resolve("rebinding.example", 443)
    with pytest.raises(Forbidden):
        await resolver.resolve("rebinding.example", 443)


@pytest.mark.parametrize(
    ("entry", "url", "is_allowed"),
    [
        ("files.example.org", "https://files.example.org/a.pdf", True),
        ("files.example.org", "https://FILES.example.org./a.pdf", True),
        ("files.example.org", "https://files.example.org:8443/a.pdf", False),
        ("files.example.org:8443", "https://files.example.org:8443/a.pdf", True),
        ("files.example.org:8443", "https://files.example.org/a.pdf", False),
        ("files.example.org", "https://files.example.org.evil.example/a.pdf", False),
        ("files.example.org", "https://files.example.org@evil.example/a.pdf", False),
        ("*.example.org", "https://a.b.example.org/a.pdf", True),
        ("*.example.org", "https://example.org/a.pdf", False),
        ("*.example.org", "https://badexample.org/a.pdf", False),
        ("*", "https://anything.example/a.pdf", True),
        ("*", "https://anything.example:8443/a.pdf", False),
        ("*", "https://169.254.169.254/a.pdf", False),
        ("[2606:2800::1]:8443", "https://[2606:2800::1]:8443/a.pdf", True),
        ("2606:2800::1", "https://[2606:2800::1]/a.pdf", True),
        ("127.0.0.1", "https://127.0.0.1/a.pdf", False),
        ("[::ffff:10.0.0.1]", "https://[::ffff:10.0.0.1]/a.pdf", False),
    ],
)
def test_only_hosts_of_the_list_are_taken(entry: str, url: str, is_allowed: bool) -> None:
    limits = DocumentLimits(allowed_hosts=(entry,))
    if is_allowed:
        check_host(URL(url), limits, "name")
        return
    with pytest.raises(Forbidden):
        check_host(URL(url), limits, "name")
