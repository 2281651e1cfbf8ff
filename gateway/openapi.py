"""The interface's description, OpenAPI 3.1."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway.problems import Problem
from gateway.requests import DocumentForm, DocumentRequest
from gateway.resources import PageEvent

VERSION = "1.0.0"
_TITLE = "pagemesh"
_DESCRIPTION = """Send scanned documents, receive what was read on them.

Errors are problem details (RFC 9457) with a stable `reason`. Identifiers are the client's own:
sending is idempotent."""
_REF = "#/components/schemas/{model}"


def describe(app: FastAPI) -> None:
    """Make `/openapi.json` say all that is true, also of bodies that routes read themselves."""
    app.title, app.version, app.description = _TITLE, VERSION, _DESCRIPTION
    written: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not written:
            written.update(_written(app))
        return written

    app.openapi = openapi  # type: ignore[method-assign]


def _written(app: FastAPI) -> dict[str, Any]:
    description = get_openapi(
        title=_TITLE,
        version=VERSION,
        description=_DESCRIPTION,
        routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    schemas = description["components"]["schemas"]
    for model in (Problem, DocumentRequest, DocumentForm, PageEvent):
        schema = model.model_json_schema(ref_template=_REF)
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    _correct_form(schemas["DocumentForm"])
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    return description


def _correct_form(schema: dict[str, Any]) -> None:
    """A form has texts and a file, and nothing that is null."""
    schema["properties"]["file"] = {
        "type": "string",
        "contentMediaType": "application/octet-stream",
        "description": schema["properties"]["file"]["description"],
    }
    schema["properties"]["options"] = {
        "type": "string",
        "contentMediaType": "application/json",
        "description": schema["properties"]["options"]["description"] + " As JSON.",
    }
    for value in schema["properties"].values():
        kinds = [each for each in value.get("anyOf", []) if each.get("type") != "null"]
        if kinds:
            del value["anyOf"]
            value.pop("default", None)
            value.update(kinds[0])
    schema["oneOf"] = [{"required": ["file"]}, {"required": ["location"]}]
