"""The OpenAPI document, with every error documented as what it is."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from backend.core.problems import MEDIA_TYPE
from backend.schemas.common import Problem

Responses = dict[int | str, dict[str, Any]]

MEANINGS = {
    400: "The request cannot be read",
    401: "No valid access token",
    403: "Not allowed",
    404: "There is no such thing, or it is somebody else's",
    409: "In conflict with the present state",
    412: "It has changed since it was read",
    413: "The body is too large",
    422: "The request does not have the documented form",
    503: "Not ready",
}


def problems(*statuses: int) -> Responses:
    """Document error answers: `responses=problems(404, 409)`."""
    return {
        status: {"model": Problem, "description": MEANINGS[status]}
        for status in statuses
    }


def operation_id(route: APIRoute) -> str:
    """Name an operation after its function: short, and stable when paths change."""
    return route.name


class Application(FastAPI):
    """FastAPI, whose document says application/problem+json for problems."""

    def openapi(self) -> dict[str, Any]:
        """Correct the media type: FastAPI takes it from the route's good answer.

        Each time, since FastAPI builds the document anew after a route was added.
        """
        document = super().openapi()
        for operations in document["paths"].values():
            for operation in operations.values():
                _correct(operation["responses"])
        return document


def _correct(responses: dict[str, Any]) -> None:
    for status, response in responses.items():
        if status.startswith(("4", "5")):
            (schema,) = response["content"].values()
            response["content"] = {MEDIA_TYPE: schema}
