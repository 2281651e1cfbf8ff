"""Whether the process lives, and whether it can do its work."""

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from gateway.routes.parts import TheDocuments

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def healthz() -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz")
async def readyz(documents: TheDocuments) -> Response:
    """Documents can be taken and shown; else a problem with 503."""
    await documents.check()
    return JSONResponse({"status": "ok"})
