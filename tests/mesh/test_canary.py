"""A new version of a model: its share of calls, and calls that it gets without being heard."""

import math
from collections import Counter
from pathlib import Path

import grpc
import yaml

from scripts.manifests.objects import Objects, build
from tests.mesh.members import Inside, Member
from tests.mesh.mesh import Mesh
from tests.mesh.running import ROOT, running
from tests.mesh.test_calls import eventually
from tests.unit.k8s.overlays import overlay

READ = "/pagemesh.ocr.v1.OcrService/RecognizePage"
MEMBERS = [
    Member("orchestrator-1", "orchestrator"),
    Member("ocr-stable", "ocr", Inside.SIDECAR),
    Member("ocr-canary", "ocr-canary", Inside.SIDECAR),
]


def with_knobs(folder: Path, **knobs: str) -> Objects:
    """Production with OCR on trial and these knobs, made as docs/operations.md says."""
    up = Path("../" * (len(folder.parts) - 1)) / str(ROOT / "k8s").lstrip("/")
    parts = ["overlays/production/parts", "components/canary/ocr"]
    (folder / "knobs").mkdir(parents=True)
    generated = [
        {"name": "knobs", "behavior": "merge", "literals": [f"{k}={v}" for k, v in knobs.items()]}
    ]
    kind = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
    (folder / "knobs" / "kustomization.yaml").write_text(
        yaml.safe_dump({**kind, "configMapGenerator": generated})
    )
    components = [*(str(up / part) for part in parts), "knobs", str(up / "wiring")]
    made = {"resources": [str(up / "base")], "components": components}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(made))
    return Objects(build(folder))


def bounds(calls: int, share: float) -> tuple[float, float]:
    """What a binomial count leaves less than once in a million times."""
    spread = 5 * math.sqrt(calls * share * (1 - share))
    return calls * share - spread, calls * share + spread


def ask_often(mesh: Mesh, calls: int) -> Counter[str]:
    """Who answered how often."""
    said = [mesh.call("orchestrator-1", "ocr", READ) for _ in range(calls)]
    assert {code for code, _ in said} == {grpc.StatusCode.OK}
    return Counter(name for _, name in said)


def test_both_versions_answer_by_their_weights(tmp_path: Path) -> None:
    with running(overlay("canary"), tmp_path, MEMBERS) as mesh:
        answered = ask_often(mesh, 1500)
        low, high = bounds(1500, 0.05)
        assert low < answered["ocr-canary"] < high
        assert answered.total() == 1500 == mesh.calls("ocr-stable", "ocr-canary")


def test_a_shadow_is_called_and_never_heard(tmp_path: Path) -> None:
    """Step 1 of docs/operations.md; the new version fails every call, which nobody notices."""
    shadow = {"STABLE_WEIGHT": "100", "CANARY_WEIGHT": "0", "SHADOW_PERCENT": "10"}
    objects = with_knobs(tmp_path / "overlay", CANARY_TAG="0.2.0", **shadow)
    with running(objects, tmp_path, MEMBERS) as mesh:
        low, high = bounds(1000, 0.1)
        assert ask_often(mesh, 1000) == {"ocr-stable": 1000}
        eventually(lambda: mesh.calls("ocr-canary") > low)
        assert mesh.calls("ocr-canary") < high
        mesh.forget()
        mesh.backends["ocr-canary"].failing = grpc.StatusCode.INTERNAL
        mesh.backends["ocr-stable"].hanging.clear()
        assert ask_often(mesh, 300) == {"ocr-stable": 300}
        eventually(lambda: mesh.calls("ocr-canary") > 0)
