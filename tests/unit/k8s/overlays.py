"""The overlays, each built once a session."""

import copy
import os
from functools import cache
from pathlib import Path

import pytest
import yaml

from infra.downloads import ServiceError
from infra.kubernetes_tools import kustomize_binary
from scripts.manifests.objects import Object, Objects, build

K8S = Path(__file__).parents[3] / "k8s"
OVERLAYS = K8S / "overlays"
NAMES = sorted(path.name for path in OVERLAYS.iterdir())


@cache
def _built(name: str) -> list[Object]:
    return build(OVERLAYS / name)


def overlay(name: str) -> Objects:
    """A built overlay, to be changed at will. Skips where kustomize cannot be had."""
    _need_kustomize()
    return Objects(copy.deepcopy(_built(name)))


def composed(folder: Path, *components: str | Path) -> Objects:
    """The base with parts of `k8s/`, or others, as an overlay in a folder that is made for it.

    Skips where kustomize cannot be had.
    """
    _need_kustomize()
    made = {
        "resources": [os.path.relpath(K8S / "base", folder)],
        "components": [os.path.relpath(K8S / part, folder) for part in components],
    }
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(made))
    return Objects(build(folder))


def component(folder: Path, literals: list[str]) -> Path:
    """A component that changes knobs, in a folder that is made for it."""
    made = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "configMapGenerator": [{"name": "knobs", "behavior": "merge", "literals": literals}],
    }
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(made))
    return folder


def _need_kustomize() -> None:
    try:
        kustomize_binary()
    except ServiceError as error:
        pytest.skip(str(error))
