import re

import httpx
import pytest

from backend.tests.test_api.conftest import PASSWORD

pytestmark = pytest.mark.anyio


async def test_the_page_needs_nothing_from_elsewhere(
    client: httpx.AsyncClient,
) -> None:
    root = await client.get("/")
    page = await client.get(root.headers["location"])
    assert page.status_code == 200
    urls = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(urls) == 3
    for url in urls:
        assert url.startswith("/docs/")
        assert (await client.get(url)).status_code == 200
    assert "sha256-" in page.headers["content-security-policy"]
    ranged = await client.get(urls[0], headers={"Range": "bytes=99999999-"})
    assert ranged.status_code == 200
    for name in ("nothing.js", "%00"):
        missing = await client.get(f"/docs/assets/{name}")
        assert missing.status_code == 404
        assert missing.headers["content-type"] == "application/problem+json"


async def test_the_document_tells_all(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert (await client.get("/openapi.json")).json() == document
    operations = {
        operation["operationId"]: operation
        for path in document["paths"].values()
        for operation in path.values()
    }
    assert len(operations) == 23
    assert all(operation["tags"] for operation in operations.values())
    for operation in operations.values():
        for status, response in operation["responses"].items():
            if status.startswith(("4", "5")):
                (media_type,) = response["content"]
                assert media_type == "application/problem+json"
    assert {"201", "401", "409", "413", "422"} <= set(
        operations["create_agent"]["responses"]
    )
    update = document["components"]["schemas"]["AgentUpdate"]
    assert "default" not in update["properties"]["name"]
    assert "required" not in update


async def test_the_document_knows_how_to_sign_in(ada: httpx.AsyncClient) -> None:
    document = (await ada.get("/openapi.json")).json()
    (scheme,) = document["components"]["securitySchemes"].values()
    url = scheme["flows"]["password"]["tokenUrl"]
    form = {"username": "ada@example.com", "password": PASSWORD}
    assert (await ada.post(url, data=form)).status_code == 200
