import asyncio
from typing import Any

import httpx
import pytest

from backend.tests.test_api.conftest import PASSWORD, SignUp

pytestmark = pytest.mark.anyio

ACCOUNT = {"email": "ada@example.com", "password": PASSWORD}
FORM = {"username": "ada@example.com", "password": PASSWORD}


async def login(client: httpx.AsyncClient) -> dict[str, Any]:
    response = await client.post("/api/v1/auth/login", data=FORM)
    assert response.status_code == 200, response.text
    tokens: dict[str, Any] = response.json()
    return tokens


async def test_register(client: httpx.AsyncClient) -> None:
    account = {**ACCOUNT, "email": "Ada@Example.com", "full_name": " Ada "}
    response = await client.post("/api/v1/auth/register", json=account)
    assert response.status_code == 201
    user = response.json()
    assert user["email"] == "ada@example.com"
    assert user["full_name"] == "Ada"
    assert PASSWORD not in response.text
    again = await client.post("/api/v1/auth/register", json=ACCOUNT)
    assert again.status_code == 409
    assert again.json()["type"] == "urn:fastapi-patterns:problem:email-taken"


async def test_a_refusal_does_not_repeat_the_password(
    client: httpx.AsyncClient,
) -> None:
    account = {"email": "no address", "password": PASSWORD, "role": "admin"}
    response = await client.post("/api/v1/auth/register", json=account)
    assert response.status_code == 422
    assert PASSWORD not in response.text
    assert "admin" not in response.text


async def test_an_address_is_registered_once_in_a_race(
    client: httpx.AsyncClient,
) -> None:
    responses = await asyncio.gather(
        *(client.post("/api/v1/auth/register", json=ACCOUNT) for _ in range(5))
    )
    assert sorted(each.status_code for each in responses) == [201, 409, 409, 409, 409]


@pytest.mark.parametrize(
    "change",
    [
        {"email": "not an address"},
        {"password": "short"},
        {"password": "x" * 129},
        {"full_name": "   "},
        {"full_name": "nul\x00"},
        {"is_admin": True},
    ],
)
async def test_a_bad_account_is_refused_and_not_repeated(
    client: httpx.AsyncClient, change: dict[str, object]
) -> None:
    account = {**ACCOUNT, "password": "hunter2-secret", **change}
    response = await client.post("/api/v1/auth/register", json=account)
    assert response.status_code == 422
    assert "hunter2" not in response.text
    (error,) = response.json()["errors"]
    assert error["loc"] == ["body", *change]


async def test_login_and_the_first_call(ada: httpx.AsyncClient) -> None:
    tokens = await login(ada)
    assert tokens["token_type"] == "bearer"
    assert tokens["expires_in"] == 15 * 60
    ada.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    assert (await ada.get("/api/v1/users/me")).json()["email"] == "ada@example.com"


@pytest.mark.parametrize(
    "form",
    [
        {**FORM, "password": "wrong"},
        {**FORM, "username": "nobody@example.com"},
        {**FORM, "username": "nul\x00@example.com"},
    ],
)
async def test_a_wrong_login(ada: httpx.AsyncClient, form: dict[str, str]) -> None:
    response = await ada.post("/api/v1/auth/login", data=form)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["detail"] == "The address or the password is wrong."


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic YTpi", "Bearer "])
async def test_without_a_good_token(
    client: httpx.AsyncClient, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = await client.get("/api/v1/users/me", headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


async def test_a_reused_refresh_token_ends_the_session(ada: httpx.AsyncClient) -> None:
    first = await login(ada)
    body = {"refresh_token": first["refresh_token"]}
    response = await ada.post("/api/v1/auth/refresh", json=body)
    assert response.status_code == 200
    second = response.json()
    ada.headers["Authorization"] = f"Bearer {second['access_token']}"
    assert (await ada.get("/api/v1/users/me")).status_code == 200

    reused = await ada.post("/api/v1/auth/refresh", json=body)
    assert reused.status_code == 401
    # The end of the session was committed, although the answer is an error.
    assert (await ada.get("/api/v1/users/me")).status_code == 401
    body = {"refresh_token": second["refresh_token"]}
    assert (await ada.post("/api/v1/auth/refresh", json=body)).status_code == 401


async def test_of_racing_refreshes_one_wins(ada: httpx.AsyncClient) -> None:
    body = {"refresh_token": (await login(ada))["refresh_token"]}
    responses = await asyncio.gather(
        *(ada.post("/api/v1/auth/refresh", json=body) for _ in range(5))
    )
    assert sorted(each.status_code for each in responses) == [200, 401, 401, 401, 401]


async def test_logout_ends_this_session_and_no_other(
    ada: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    other = await login(client)
    assert (await ada.post("/api/v1/auth/logout")).status_code == 204
    assert (await ada.get("/api/v1/users/me")).status_code == 401
    client.headers["Authorization"] = f"Bearer {other['access_token']}"
    assert (await client.get("/api/v1/users/me")).status_code == 200


async def test_a_new_password_ends_the_other_sessions(
    ada: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    other = await login(client)
    body = {"password": "another password", "current_password": PASSWORD}
    assert (await ada.patch("/api/v1/users/me", json=body)).status_code == 200
    assert (await ada.get("/api/v1/users/me")).status_code == 200
    client.headers["Authorization"] = f"Bearer {other['access_token']}"
    assert (await client.get("/api/v1/users/me")).status_code == 401
    form = {**FORM, "password": "another password"}
    assert (await client.post("/api/v1/auth/login", data=form)).status_code == 200


async def test_of_two_new_passwords_at_once_one_wins(
    ada: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    other = await login(client)
    client.headers["Authorization"] = f"Bearer {other['access_token']}"
    bodies = [
        {"password": f"another password {number}", "current_password": PASSWORD}
        for number in range(2)
    ]
    answers = await asyncio.gather(
        ada.patch("/api/v1/users/me", json=bodies[0]),
        client.patch("/api/v1/users/me", json=bodies[1]),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 401]


@pytest.mark.parametrize(
    "email",
    [
        "Ada <ada@example.org>",
        " ada@example.org ",
        "ada@EXAMPLE.org",
        "e\u0301@example.org",
        "ada@xn--bcher-kva.example.org",
    ],
)
async def test_who_can_register_can_sign_in(
    client: httpx.AsyncClient, email: str
) -> None:
    account = {"email": email, "password": PASSWORD}
    response = await client.post("/api/v1/auth/register", json=account)
    assert response.status_code == 201
    form = {"username": email, "password": PASSWORD}
    assert (await client.post("/api/v1/auth/login", data=form)).status_code == 200


@pytest.mark.parametrize("field", ["username", "password"])
async def test_text_that_is_no_unicode_is_nobodys(
    client: httpx.AsyncClient, field: str
) -> None:
    form = {**FORM, field: r"\ud800@example.com"}
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form.items()
    ]
    response = await client.post(
        "/api/v1/auth/login",
        content="".join(parts) + "--b--\r\n",
        headers={
            "Content-Type": "multipart/form-data; boundary=b; charset=unicode_escape"
        },
    )
    assert response.status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {"password": "another password"},
        {"current_password": PASSWORD},
        {"password": None, "current_password": PASSWORD},
        {"password": "another password", "current_password": "wrong"},
    ],
)
async def test_a_new_password_takes_the_current_one(
    ada: httpx.AsyncClient, body: dict[str, object]
) -> None:
    assert (await ada.patch("/api/v1/users/me", json=body)).status_code == 422


async def test_the_name_changes_and_goes(sign_up: SignUp) -> None:
    bob = await sign_up("bob@example.com")
    for name in ("Bob", None):
        response = await bob.patch("/api/v1/users/me", json={"full_name": name})
        assert response.json()["full_name"] == name
    response = await bob.patch("/api/v1/users/me", json={})
    assert response.status_code == 200
