"""The application: `uvicorn backend.main:app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from backend.api.docs import add_docs
from backend.api.openapi import Application, operation_id
from backend.api.v1.router import router
from backend.core.config import Settings
from backend.core.logging import configure_logging
from backend.core.middleware import (
    AllowedHosts,
    BodyLimit,
    ErrorBoundary,
    RequestContext,
    SecurityHeaders,
)
from backend.core.problems import add_problem_handlers
from backend.resources import open_resources
from backend.services.runner import Runner


def create_app(
    settings: Settings | None = None, runner: Runner | None = None
) -> FastAPI:
    """Put an application together. Nothing is opened before its lifespan begins."""
    settings = settings or Settings()
    configure_logging(settings.log_level)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_resources(settings, runner) as resources:
            app.state.resources = resources
            yield

    app = Application(
        title="fastapi-patterns",
        version="1.0.0",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would repeat whatever Host was sent
        generate_unique_id_function=operation_id,
    )
    add_problem_handlers(app)
    _add_middleware(app, settings)
    app.include_router(router)
    add_docs(app)
    return app


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """Add from the inside out: the last one added sees a request first."""
    app.add_middleware(ErrorBoundary)
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "If-Match",
                "If-None-Match",
                "Last-Event-ID",
                "X-Request-ID",
            ],
            expose_headers=[
                "ETag",
                "Idempotency-Replayed",
                "Location",
                "X-Request-ID",
            ],
        )
    if settings.allowed_hosts:
        app.add_middleware(AllowedHosts, hosts=settings.allowed_hosts)
    app.add_middleware(SecurityHeaders, hsts=settings.environment == "production")
    app.add_middleware(RequestContext)


app = create_app()
