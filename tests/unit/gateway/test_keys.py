import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.config import GatewayConfig
from gateway.security.keys import KeyFile, create_key, read_keys, revoke_key
from meshkit.config import ConfigError, read_config
from meshkit.errors import DependencyUnavailable, InvalidInput, NotFound


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "gateway.security.commands", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_key_is_shown_once_and_kept_as_a_digest(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    made = run("create", "billing", "--file", str(path), "--note", "month end")
    key = made.stdout.strip()
    assert key.startswith("pm_")
    found = KeyFile(path).find(key)
    assert found is not None
    assert found.client == "billing"
    assert key.rpartition("_")[2] not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0

    listed = run("list", "--file", str(path)).stdout
    assert listed.split() == [found.id, "billing", "good", "month", "end"]
    assert "revoked" in run("revoke", found.id, "--file", str(path)).stdout
    assert KeyFile(path).find(key) is None
    wrong = run("revoke", "nosuch", "--file", str(path))
    assert (wrong.returncode, "no key" in wrong.stderr) == (1, True)


def test_what_is_nearly_a_key_is_none(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key, other = create_key(path, "a"), create_key(path, "b")
    head, _, secret = key.rpartition("_")
    wrong = [key[:-1], f"{key}x", head, f"{head}_", f"{other.rpartition('_')[0]}_{secret}", "pm_"]
    keys = KeyFile(path)
    assert keys.find(key) is not None
    assert [keys.find(text) for text in wrong] == [None] * len(wrong)


def test_a_key_ends_when_it_was_to_end(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    over = create_key(path, "a", lifetime=timedelta(seconds=-1))
    good = create_key(path, "a", lifetime=timedelta(hours=1))
    keys = KeyFile(path)
    assert keys.find(over) is None
    assert keys.find(good) is not None


def test_a_file_that_breaks_shuts_nobody_out_who_was_in(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key = create_key(path, "a")
    keys = KeyFile(path)
    assert keys.find(key) is not None
    path.write_text("[{")
    time.sleep(1.1)
    assert keys.find(key) is not None
    with pytest.raises(DependencyUnavailable):
        KeyFile(path).find(key)
    with pytest.raises(InvalidInput):
        create_key(path, "b")
    assert path.read_text() == "[{"


@pytest.mark.parametrize("name", ["", "oidc:alice", "a b", "-a", "x" * 65])
def test_a_clients_name_is_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput):
        create_key(tmp_path / "keys.json", name)
    assert read_keys(tmp_path / "keys.json") == []
    with pytest.raises(NotFound):
        revoke_key(tmp_path / "keys.json", "x")


def test_knobs_that_leave_a_door_open_are_refused_at_the_start() -> None:
    environ = {
        "PAGEMESH_GATEWAY_OIDC_ISSUER": "https://login.example",
        "PAGEMESH_GATEWAY_REQUEST_RATE": "often",
        "PAGEMESH_GATEWAY_LIMITS_URL": "memcached://x",
    }
    with pytest.raises(ConfigError) as caught:
        read_config(GatewayConfig, environ)
    told = str(caught.value)
    for name in ("REQUEST_RATE", "LIMITS_URL"):
        assert name in told
    environ = {"PAGEMESH_GATEWAY_OIDC_ISSUER": "https://login.example"}
    with pytest.raises(ConfigError, match="audience"):
        read_config(GatewayConfig, environ)
