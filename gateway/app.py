"""Puts the gateway together."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from gateway.bells import Bells
from gateway.config import GatewayConfig
from gateway.console import add_console
from gateway.corrections import Corrections
from gateway.dispatch import open_dispatch
from gateway.documents import Documents
from gateway.erasing import Eraser
from gateway.headers import SecurityHeaders, cors_options
from gateway.images import Images
from gateway.ledger import Ledger
from gateway.openapi import describe
from gateway.orchestrator import Orchestrator
from gateway.problems import add_problem_handlers
from gateway.results import Results
from gateway.routes import (
    corrections,
    documents,
    erase,
    events,
    health,
    pages,
    pipelines,
    receive,
    results,
    traces,
    webhooks,
)
from gateway.security import open_doorkeeper
from gateway.security.audit import AuditLog
from gateway.stores import open_store
from gateway.telemetry.recording import record_ended, request_telemetry
from gateway.uploads import open_place
from gateway.watches import Watches
from gateway.webhooks import open_webhooks

ROUTERS = (
    *(receive, documents, erase, results, events, pages, corrections),
    *(pipelines, traces, webhooks, health),
)


def create_app(config: GatewayConfig) -> FastAPI:
    """The gateway as an ASGI application; what it needs is opened in its lifespan.

    In its `state`, between start and end:
        config: its configuration.
        identifier: tells who asks (`gateway.identity.Identifier`).
        documents: its work, apart from HTTP.
        ledger: where everything that happens to documents passes by.
        bells: that ring when a document changes.
        place: where uploads are kept.
        watches: of documents that clients watch.
        webhooks: that documents' ends are told by.
        corrections: of fields, by people.
        eraser: deletes documents for good.
        images, results: pictures of pages, and results in several formats.
    """
    app = FastAPI(
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        telemetry=request_telemetry(),
    )
    app.state.config = config
    app.state.bells = Bells()
    describe(app)
    add_problem_handlers(app)
    if config.cors_origins:
        app.add_middleware(CORSMiddleware, **cors_options(config.cors_origins))
    app.add_middleware(AuditLog)
    app.add_middleware(SecurityHeaders)
    # As routes of the application: an included router would be a second search on the way. Those
    # that are asked for most come first.
    app.router.routes[:0] = [route for module in ROUTERS for route in module.router.routes]
    add_console(app)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    config: GatewayConfig = app.state.config
    async with contextlib.AsyncExitStack() as stack:
        store = open_store(config)
        stack.push_async_callback(store.close)
        await store.start()
        doorkeeper = open_doorkeeper(config)
        stack.push_async_callback(doorkeeper.close)
        hooks = open_webhooks(config, store)
        stack.push_async_callback(hooks.stop)
        await hooks.start()
        ledger = Ledger(store, app.state.bells, config.inline_result_bytes)
        ledger.ended += [hooks.ended, record_ended]
        orchestrator = Orchestrator(config.orchestrator_target, config.answer_seconds)
        stack.push_async_callback(orchestrator.close)
        dispatch = open_dispatch(config, ledger, orchestrator)
        stack.push_async_callback(dispatch.stop)
        await dispatch.start()
        place = open_place(config)
        work = Documents(
            store, ledger, dispatch, place, orchestrator, hooks, config.retention_seconds
        )
        stack.push_async_callback(work.stop)
        images = Images(orchestrator, config.state_dir / "images", config.images_bytes)
        written = Results(store, images)
        work.start()
        _publish(app, documents=work, ledger=ledger, place=place, images=images, results=written)
        watches = Watches(store, app.state.bells, config.poll_seconds)
        _publish(app, identifier=doorkeeper, webhooks=hooks, watches=watches)
        _publish(app, corrections=Corrections(store, ledger))
        _publish(app, eraser=Eraser(work, store, dispatch, place, images, hooks))
        yield


def _publish(app: FastAPI, **parts: Any) -> None:
    for name, part in parts.items():
        setattr(app.state, name, part)
