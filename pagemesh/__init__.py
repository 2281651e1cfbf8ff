"""Scanned documents in, structured results out.

    from pagemesh import Client

    with Client() as client:
        for page in client.analyze("form.pdf", pipeline="application_form"):
            print(page.page_number, [field.value for field in page.fields])

`Client()` runs the models in this process, `Client("host:port")` asks an orchestrator,
`Client("http://host:port")` a gateway. Stubs of
every contract are below this package: `pagemesh.ocr.v1`, `pagemesh.orchestrator.v1`, ...; importing
one of them imports nothing else.
"""

from pkgutil import extend_path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pagemesh.aio import AsyncClient as AsyncClient
    from pagemesh.client import Client as Client

# Stubs of a model that is released by itself install below the same name.
__path__ = extend_path(__path__, __name__)

__all__ = ["AsyncClient", "Client"]


def __getattr__(name: str) -> Any:
    match name:
        case "AsyncClient":
            from pagemesh.aio import AsyncClient  # noqa: PLC0415 - only when it is asked for

            return AsyncClient
        case "Client":
            from pagemesh.client import Client  # noqa: PLC0415 - only when it is asked for

            return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
