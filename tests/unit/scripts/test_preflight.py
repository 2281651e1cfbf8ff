"""`make deploy` says which secrets are missing, and how they are made, before anything changes."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from scripts.deploy.cluster import Cluster
from scripts.deploy.preflight import missing
from scripts.manifests.objects import Object
from tests.unit.k8s.overlays import overlay

KEYS = {"keys.json": "W10=", "webhook-secrets": "YWJj"}
LOGGING = {"ELASTICSEARCH_HOST": "bG9ncw=="}


class Complete(Cluster):
    """A cluster that has everything but secrets, of which it has some."""

    def __init__(self, made: list[Object], secrets: Mapping[str, Mapping[str, str]]) -> None:
        super().__init__()
        self._versions = "\n".join({one["apiVersion"] for one in made})
        self._secrets = secrets

    def run(
        self, *arguments: str, stdin: str | None = None, fine: Sequence[int] = (0,)
    ) -> subprocess.CompletedProcess[str]:
        """See `Cluster`."""
        said = {
            "version": json.dumps({"serverVersion": {"major": "1", "minor": "37"}}),
            "api-versions": self._versions,
            "auth": "yes",
        }
        return subprocess.CompletedProcess(arguments, 0, said[arguments[0]], "")

    def get(self, *arguments: str) -> list[Any]:
        """See `Cluster`."""
        kind, name, *_ = arguments
        if kind != "secret":
            return [{}]
        return [{"data": self._secrets[name]}] if name in self._secrets else []


def told(secrets: Mapping[str, Mapping[str, str]]) -> list[str]:
    made = overlay("production").all
    return missing(Complete(made, secrets), made)


def test_nothing_is_missing_where_all_secrets_are() -> None:
    assert told({"gateway-clients": KEYS, "elasticsearch": LOGGING}) == []


def test_each_secret_that_is_not_there_is_told_once_with_how_it_is_made() -> None:
    clients, logging = sorted(told({}), reverse=True)
    assert clients == (
        "Deployment gateway needs secret gateway-clients in namespace pagemesh: "
        "kubectl create secret generic gateway-clients --namespace=pagemesh "
        "--from-file=keys.json --from-file=webhook-secrets"
    )
    assert logging.startswith(
        "DaemonSet fluentd needs secret elasticsearch in namespace pagemesh-logging: kubectl create"
    )


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", [None, ""])
def test_a_key_that_is_not_in_a_secret_is_told(key: str, value: str | None) -> None:
    """One is a file, the other a variable."""
    kept = {name: text for name, text in {**KEYS, key: value}.items() if text is not None}
    (line,) = told({"gateway-clients": kept, "elasticsearch": LOGGING})
    assert line.startswith(
        f"Deployment gateway needs {key} in secret gateway-clients of namespace pagemesh: kubectl"
    )


def test_an_overlay_that_names_no_clients_is_not_deployed() -> None:
    objects = overlay("production")
    gateway = objects.find("Deployment", "gateway")
    assert gateway is not None
    (server,) = gateway["spec"]["template"]["spec"]["containers"]
    opened = ("PAGEMESH_GATEWAY_API_KEYS_FILE", "PAGEMESH_GATEWAY_OIDC_ISSUER")
    server["env"] = [one for one in server["env"] if one["name"] not in opened]
    secrets = {"gateway-clients": KEYS, "elasticsearch": LOGGING}
    found = missing(Complete(objects.all, secrets), objects.all)
    assert any("everybody outside may use it" in line for line in found), found
