"""Signatures of webhooks, by the scheme of Standard Webhooks (standardwebhooks.com), version 1.

Every client has a secret of its own. They are derived from the gateway's, so that none is kept.
"""

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

_PREFIX = "whsec_"
_MASTER_BYTES = 32


class Signer:
    """Signs for clients.

    Args:
        masters: the gateway's secrets. All of them sign, so that one can be replaced: put the new
            one in front, tell clients, and take the old one away.
    """

    def __init__(self, masters: Sequence[str]) -> None:
        self._masters = [master.encode() for master in masters]

    def secret_of(self, client: str) -> str:
        """What the client checks signatures with: `whsec_...`."""
        return _PREFIX + base64.b64encode(_derived(self._masters[0], client)).decode()

    def headers(self, client: str, message_id: str, moment: int, body: bytes) -> Mapping[str, str]:
        """What tells the receiver who sent a message, and when.

        Args:
            client: whose secret signs.
            message_id: of the message, the same in every attempt.
            moment: of this attempt, in seconds of the Unix epoch.
            body: as it is sent.
        """
        signed = f"{message_id}.{moment}.".encode() + body
        signatures = [
            hmac.digest(_derived(master, client), signed, "sha256") for master in self._masters
        ]
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(moment),
            "webhook-signature": " ".join(
                f"v1,{base64.b64encode(signature).decode()}" for signature in signatures
            ),
        }


def own_master(path: Path) -> str:
    """The secret of a gateway that was given none: made once, readable to nobody else."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_text().strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    text = secrets.token_urlsafe(_MASTER_BYTES)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(beside)  # of two gateways that begin at once, one's secret is everybody's
    beside.unlink()
    return path.read_text().strip()


def _derived(master: bytes, client: str) -> bytes:
    return hmac.digest(master, b"pagemesh webhook\0" + client.encode(), hashlib.sha256)
