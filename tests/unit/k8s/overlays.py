"""The overlays, each built once a session."""

import copy
from functools import cache
from pathlib import Path

import pytest

from infra.downloads import ServiceError
from infra.kubernetes_tools import kustomize_binary
from scripts.manifests.objects import Object, Objects, build

OVERLAYS = Path(__file__).parents[3] / "k8s" / "overlays"
NAMES = sorted(path.name for path in OVERLAYS.iterdir())


@cache
def _built(name: str) -> list[Object]:
    return build(OVERLAYS / name)


def overlay(name: str) -> Objects:
    """A built overlay, to be changed at will. Skips where kustomize cannot be had."""
    try:
        kustomize_binary()
    except ServiceError as error:
        pytest.skip(str(error))
    return Objects(copy.deepcopy(_built(name)))
