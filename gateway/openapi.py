"""The interface's description, OpenAPI 3.1."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway.problems import Problem
from gateway.requests import DocumentForm, DocumentRequest
from gateway.resources import DOCUMENTS, PageEvent
from gateway.routes.corrections import CorrectionRequest

VERSION = "1.0.0"
_TITLE = "pagemesh"
_DESCRIPTION = """Send scanned documents, receive what was read on them.

Errors are problem details (RFC 9457) with a stable `reason`. Identifiers are the client's own:
sending is idempotent."""
_REF = "#/components/schemas/{model}"
_CREDENTIALS = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, or a token of the issuer that the gateway trusts.",
    },
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
}


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
    for model in (Problem, DocumentRequest, DocumentForm, CorrectionRequest, PageEvent):
        schema = model.model_json_schema(ref_template=_REF)
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    _correct_form(schemas["DocumentForm"])
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    if app.state.config.knows_clients:
        description["components"]["securitySchemes"] = _CREDENTIALS
        description["security"] = [{name: []} for name in _CREDENTIALS]
    description["paths"][DOCUMENTS]["post"]["responses"]["202"]["links"] = _links(description)
    return description


def _links(description: dict[str, Any]) -> dict[str, Any]:
    """What can be asked about a document that was just sent."""
    given: dict[str, Any] = {"{id}": {"id": "$response.body#/id"}, "{n}": {"n": 1}}
    links = {}
    for path, operations in description["paths"].items():
        parameters = {k: v for part in given if part in path for k, v in given[part].items()}
        for told in operations.values() if parameters else ():
            name = told["operationId"]
            links[name] = {"operationId": name, "parameters": parameters}
    return links


def _correct_form(schema: dict[str, Any]) -> None:
    """A form has texts and a file, and nothing that is null."""
    schema["properties"]["file"] = {
        "type": "string",
        "contentMediaType": "application/octet-stream",
        "minLength": 1,
        "description": schema["properties"]["file"]["description"],
    }
    for value in schema["properties"].values():
        kinds = [each for each in value.get("anyOf", []) if each.get("type") != "null"]
        if kinds:
            del value["anyOf"]
            value.pop("default", None)
            value.update(kinds[0])
    schema["oneOf"] = [{"required": ["file"]}, {"required": ["location"]}]
