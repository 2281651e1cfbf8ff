"""Strict schemas: Kubernetes' own from a package, others' from their CustomResourceDefinitions."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from infra.kubernetes_tools import istio_definitions, keda_definitions

# One level down from these, a schema only adds conditions to the one around it.
_CONDITIONS = ("allOf", "anyOf", "oneOf", "not")


@cache
def custom_schemas() -> dict[tuple[str, str], Draft202012Validator]:
    """A validator for each apiVersion and kind of Istio and KEDA. Raises ServiceError."""
    made = {}
    for file in (istio_definitions(), *sorted(Path(keda_definitions()).glob("*.yaml"))):
        for definition in yaml.load_all(file.read_text(), yaml.CSafeLoader):
            for version, kind, schema in _versions(definition):
                made[version, kind] = Draft202012Validator(schema)
    return made


def _versions(definition: Any) -> Iterator[tuple[str, str, Any]]:
    spec = (definition or {}).get("spec", {"versions": []})
    for version in spec["versions"]:
        schema = _strict(version["schema"]["openAPIV3Schema"])
        schema["properties"] |= {"apiVersion": {}, "kind": {}, "metadata": {}}
        yield f"{spec['group']}/{version['name']}", spec["names"]["kind"], schema


def _strict(schema: Any) -> Any:
    """A structural schema that also refuses what it does not know."""
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {
        key: value if key in _CONDITIONS else _strict_parts(key, value)
        for key, value in schema.items()
    }
    if schema.get("x-kubernetes-int-or-string"):
        made["type"] = ["integer", "string"]
        made.pop("anyOf", None)
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields")
    if "properties" in schema and not open_ended:
        made.setdefault("additionalProperties", False)
    return made


def _strict_parts(key: str, value: Any) -> Any:
    if key == "properties":
        return {name: _strict(part) for name, part in value.items()}
    return _strict(value) if key in ("items", "additionalProperties") else value
