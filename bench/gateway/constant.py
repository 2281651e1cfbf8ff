"""The same FastAPI under the same server, returning a constant: what there is to be reached."""

import sys

from fastapi import FastAPI
from starlette.responses import Response

from gateway.bells import Bells
from gateway.config import GatewayConfig
from gateway.server import server_of

app = FastAPI(openapi_url=None)
app.state.bells = Bells()
_BODY = b"x" * int(sys.argv[2])


@app.get("/v1/documents/{document_id}")
async def constant(document_id: str) -> Response:
    """A body of that many bytes."""
    del document_id
    return Response(_BODY, media_type="application/json")


if __name__ == "__main__":
    server_of(app, GatewayConfig(port=int(sys.argv[1]))).run()
