"""`make deploy`, `diff`, `status` and `undeploy` against a real API server, in this order."""

import json
from pathlib import Path

import pytest
import yaml

from infra.control_plane import ControlPlane
from infra.downloads import ServiceError
from scripts.manifests.objects import build
from tests.cluster.conftest import ROOT, STAND_INS, Say, generations

OVERLAY = "--overlay=production"
CLIENTS = ("secret", "gateway-clients", "--namespace=pagemesh")


def test_1_what_is_missing_is_told_all_at_once_and_nothing_is_changed(
    bare: ControlPlane, deploy: Say
) -> None:
    done = deploy("deploy", OVERLAY)
    assert done.returncode == 1
    for told in (
        "nothing was changed",
        "networking.istio.io/v1: install Istio",
        "keda.sh/v1alpha1: install KEDA",
        "kafka.strimzi.io/v1beta2: install Strimzi",
        "Istio's control plane is not there",
        "Istio's CNI node agent is not there",
        "needs secret elasticsearch in namespace pagemesh-logging: kubectl create secret",
        "needs secret gateway-clients in namespace pagemesh: kubectl create secret",
    ):
        assert told in done.stderr
    done = deploy("deploy", "--overlay=local", "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Deployment ocr would be made" in done.stdout
    assert "pagemesh" not in bare.say("get", "namespaces")


def test_2_a_dry_run_changes_nothing(cluster: ControlPlane, deploy: Say) -> None:
    """There are the secrets that people make, and so the namespaces."""
    done = deploy("deploy", OVERLAY, "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "deployment.apps/ocr serverside-applied (server dry run)" in done.stdout
    cluster.say("patch", *CLIENTS, "--type=json", "--patch=[{op: remove, path: /data/keys.json}]")
    done = deploy("deploy", OVERLAY, "--dry-run")
    assert done.returncode == 1
    assert "needs keys.json in secret gateway-clients of namespace pagemesh" in done.stderr
    cluster.say("apply", "--server-side", "--force-conflicts", f"--filename={STAND_INS}")
    assert cluster.say("get", "deployments", "--namespace=pagemesh") == ""


def test_3_all_of_production_comes_up_and_again_is_no_change(
    cluster: ControlPlane, deploy: Say
) -> None:
    done = deploy("deploy", OVERLAY)
    assert (done.returncode, done.stderr) == (0, "")
    assert "11 workloads up" in done.stdout
    assert "https://api.example.org/" in done.stdout
    made = {
        (one["kind"], one["metadata"]["name"]) for one in build(ROOT / "k8s/overlays/production")
    }
    assert len(made) > 100
    before = generations(cluster)
    assert "nothing would change" in deploy("diff", OVERLAY).stdout
    again = deploy("deploy", OVERLAY)
    assert (again.returncode, again.stderr) == (0, "")
    assert "removed" not in again.stdout
    assert generations(cluster) == before
    status = deploy("status", OVERLAY).stdout
    assert "Deployment ocr " in status
    assert "not ready" not in status
    assert "not there" not in status


def test_4_the_namespace_refuses_what_is_not_restricted(cluster: ControlPlane) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root", "namespace": "pagemesh"},
        "spec": {"containers": [{"name": "root", "image": "busybox:1"}]},
    }
    with pytest.raises(ServiceError, match="violates PodSecurity"):
        cluster.say("create", "--filename=-", stdin=yaml.safe_dump(pod))


def test_5_a_canary_comes_and_goes(cluster: ControlPlane, deploy: Say) -> None:
    done = deploy("deploy", "--overlay=canary")
    assert (done.returncode, done.stderr) == (0, "")
    image = "{.spec.template.spec.containers[0].image}"
    asked = ("get", "deployment", "ocr-canary", "-n", "pagemesh", f"--output=jsonpath={image}")
    assert cluster.say(*asked) == "registry.example.org/pagemesh/ocr:0.2.0"
    done = deploy("deploy", OVERLAY)
    assert "deployments.apps/ocr-canary removed" in done.stdout
    assert "ocr-canary" not in cluster.say("get", "deployments", "-n", "pagemesh")


def test_6_a_failed_rollout_says_which_pod_and_why_and_goes_back(
    cluster: ControlPlane, deploy: Say, tmp_path: Path
) -> None:
    base = Path("../" * len(tmp_path.parts)) / str(ROOT / "k8s/overlays/production").lstrip("/")
    where = "/spec/template/spec/containers/0/resources/requests/cpu"
    patch = json.dumps([{"op": "replace", "path": where, "value": "9k"}])
    target = {"kind": "Deployment", "name": "ocr"}
    overlay = {"resources": [str(base)], "patches": [{"target": target, "patch": patch}]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    done = deploy("deploy", f"--overlay={tmp_path}", "--seconds=20", "--rollback")
    assert done.returncode == 1
    assert "the new version is not up" in done.stderr
    assert "Deployment ocr: pod ocr-" in done.stderr
    assert "Insufficient cpu" in done.stderr
    assert "Deployment ocr rolled back" in done.stderr
    cluster.say("rollout", "status", "deployment/ocr", "-n", "pagemesh", "--timeout=60s")


def test_7_undeploy_keeps_data_unless_told(cluster: ControlPlane, deploy: Say) -> None:
    done = deploy("undeploy", OVERLAY)
    assert (done.returncode, done.stderr) == (0, "")
    left = cluster.say("get", "deployments,statefulsets,virtualservices", "-n", "pagemesh")
    assert left == ""
    assert "kafka" in cluster.say("get", "kafkas", "-n", "pagemesh")
    done = deploy("undeploy", OVERLAY, "--delete-data")
    assert (done.returncode, done.stderr) == (0, "")
    assert "pagemesh" not in cluster.say("get", "namespaces")
