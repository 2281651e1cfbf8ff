import pytest

from meshkit.locations import public_location


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://user:pass@host:8443/a.pdf?X-Amz-Signature=1#x", "https://host:8443/a.pdf"),
        ("https://token@[2606:2800::1]/a.pdf", "https://[2606:2800::1]/a.pdf"),
        ("s3://forms/2026/a.pdf", "s3://forms/2026/a.pdf"),
        ("file:///scans/a.pdf", "file:///scans/a.pdf"),
        ("https://user:pass@[bad", "a malformed location"),
        ("https://user:pass@host:port/", "a malformed location"),
    ],
)
def test_shown_locations_hold_no_credentials(location: str, shown: str) -> None:
    assert public_location(location) == shown
