"""The overlay `local` on a node: documents by both doors, and what a kubelet does with its pods."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.control_plane import ControlPlane
from infra.node import Node
from tests.node.conftest import DEPLOY, PAGEMESH, ROOT, Say, eventually, overlay, pods

SAMPLE = ROOT / "samples" / "application_form.pdf"
PORT = 50051
MODEL = "deskew"


@pytest.fixture(scope="module")
def local(
    plane: ControlPlane, node: Node, deploy: Say, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The overlay, deployed."""
    made = overlay(tmp_path_factory.mktemp("local"), ["overlays/local"], [])
    done = deploy("deploy", f"--overlay={made}")
    assert (done.returncode, done.stderr) == (0, "")
    yield made
    done = deploy("undeploy", f"--overlay={made}", "--delete-data")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_document_by_grpc(
    plane: ControlPlane, local: Path, deploy: Say, inside: Callable[..., str]
) -> None:
    """`make deploy` once more changes nothing, and reads a sample through the door."""
    (pod,) = pods(plane, "orchestrator")
    door = f"{pod['status']['podIP']}:{PORT}"
    arguments = ("deploy", f"--overlay={local}", f"--kubectl={plane.kubectl}", f"--smoke={door}")
    said = inside(*DEPLOY, *arguments)
    assert f"{SAMPLE.name} read through {door}: 3 pages" in said
    assert "nothing would change" in deploy("diff", f"--overlay={local}").stdout


def test_a_document_by_rest(plane: ControlPlane, local: Path, inside: Callable[..., str]) -> None:
    """To the service's virtual address; the upload goes to the orchestrator by a shared volume."""
    asked = ("get", "service", "gateway", "-n", "pagemesh", "--output=jsonpath={.spec.clusterIP}")
    door = f"http://{plane.say(*asked)}:8080"
    said = inside(PAGEMESH, "analyze", str(SAMPLE), f"--server={door}", "--output=text")
    assert "Form 13614-C" in said


def test_a_container_is_hardened_and_limited_as_written(plane: ControlPlane, local: Path) -> None:
    (pod,) = pods(plane, MODEL)
    assert shell(plane, pod, "id -u") == "10001"
    assert "Read-only file system" in shell(plane, pod, "touch /x 2>&1 || true")
    assert shell(plane, pod, "grep CapEff /proc/self/status").split()[1] == "0" * 16
    assert shell(plane, pod, "grep Seccomp: /proc/self/status").split()[1] == "2"
    limit = shell(plane, pod, "cat /sys/fs/cgroup/memory/memory.limit_in_bytes")
    assert int(limit) == 2 << 30


def test_only_the_orchestrator_reaches_a_model(plane: ControlPlane, local: Path) -> None:
    """By NetworkPolicies alone: there is no Istio here."""
    (model,) = pods(plane, MODEL)
    address = model["status"]["podIP"]
    assert connects(plane, pods(plane, "orchestrator")[0], address) == "0"
    assert connects(plane, pods(plane, "gateway")[0], address) != "0"
    assert connects(plane, pods(plane, "ocr")[0], address) != "0"


def connects(plane: ControlPlane, pod: Any, address: str) -> str:
    """What connecting from a pod gives: 0, or the number of the error."""
    code = "import socket; s = socket.socket(); s.settimeout(3)"
    code += f"; print(s.connect_ex(({address!r}, {PORT})))"
    return shell(plane, pod, f'python -c "{code}"')


def test_a_model_that_hangs_gets_no_calls_until_it_answers_again(
    plane: ControlPlane, node: Node, local: Path
) -> None:
    (pod,) = pods(plane, MODEL)
    process = node.process(container_id(pod, "server"))
    node.signal(process, "STOP")
    eventually(lambda: endpoints(plane) == [])
    node.signal(process, "CONT")
    eventually(lambda: endpoints(plane) == [pod["status"]["podIP"]])
    (same,) = pods(plane, MODEL)
    assert restarts(same) == restarts(pod)


def test_a_model_that_dies_is_started_again_beside_its_sidecar(
    plane: ControlPlane, node: Node, local: Path
) -> None:
    (pod,) = pods(plane, MODEL)
    node.signal(node.process(container_id(pod, "server")), "KILL")
    sidecar, server = restarts(pod)["sidecar"], restarts(pod)["server"] + 1
    eventually(lambda: restarts(pods(plane, MODEL)[0]) == {"sidecar": sidecar, "server": server})
    eventually(lambda: endpoints(plane) == [pod["status"]["podIP"]])


def test_a_sidecar_begins_before_its_model_and_ends_after_it(
    plane: ControlPlane, local: Path
) -> None:
    """A native sidecar; the pod sleeps before it ends, and both end by themselves."""
    (pod,) = pods(plane, MODEL)
    name = pod["metadata"]["name"]
    asked = ("logs", name, "--namespace=pagemesh", "--all-containers", "--follow", "--prefix")
    with plane.talk(*asked, "--timestamps", "--tail=1") as logs:
        plane.say("delete", "pod", name, "--namespace=pagemesh")
        text, _ = logs.communicate(timeout=60)
    ended = {what: moment(text, f"/{what}] ", '"stopped"') for what in ("server", "sidecar")}
    told = moment(text, "/sidecar] ", '"draining"')
    assert ended["server"] < told < ended["sidecar"]
    eventually(lambda: len(endpoints(plane)) == 1)
    (fresh,) = pods(plane, MODEL)
    asked = ("logs", fresh["metadata"]["name"], "-n", "pagemesh", "--all-containers", "--prefix")
    text = plane.say(*asked, "--timestamps")
    began = {what: moment(text, f"/{what}] ", '"listening"') for what in ("server", "sidecar")}
    assert began["sidecar"] < began["server"]


def shell(plane: ControlPlane, pod: Any, script: str) -> str:
    """What a shell in the model's container says."""
    name = pod["metadata"]["name"]
    asked = ("exec", name, "--namespace=pagemesh", "--container=server", "--", "sh", "-c", script)
    return plane.say(*asked).strip()


def endpoints(plane: ControlPlane) -> list[str]:
    """Addresses of the model's pods that get calls."""
    label = f"--selector=kubernetes.io/service-name={MODEL}"
    said = plane.say("get", "endpointslices", "--namespace=pagemesh", label, "--output=json")
    return [
        address
        for part in json.loads(said)["items"]
        for one in part["endpoints"] or []
        if one["conditions"]["ready"]
        for address in one["addresses"]
    ]


def statuses(pod: Any) -> Iterator[Any]:
    for kind in ("initContainerStatuses", "containerStatuses"):
        yield from pod["status"].get(kind, [])


def restarts(pod: Any) -> dict[str, int]:
    """How often each container was started again."""
    return {one["name"]: one["restartCount"] for one in statuses(pod)}


def container_id(pod: Any, name: str) -> str:
    (found,) = [one["containerID"] for one in statuses(pod) if one["name"] == name]
    return str(found).removeprefix("containerd://")


def moment(text: str, *parts: str) -> str:
    """The time of the one line that has all parts; times compare as they are written."""
    (line,) = [line for line in text.splitlines() if all(part in line for part in parts)]
    return line.split()[1]
