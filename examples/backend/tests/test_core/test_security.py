import base64
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import pytest

from backend.core.config import DEVELOPMENT_SECRET, Settings
from backend.core.errors import UnauthenticatedError
from backend.core.security import AccessTokens, Passwords

pytestmark = pytest.mark.anyio


async def test_a_password_is_verified(settings: Settings) -> None:
    passwords = Passwords(settings)
    stored = await passwords.hash("correct horse")
    assert stored.startswith("$argon2id$")
    assert await passwords.verify("correct horse", stored) == (True, None)
    assert await passwords.verify("wrong", stored) == (False, None)


async def test_no_user_and_no_hash_are_wrong_passwords(settings: Settings) -> None:
    passwords = Passwords(settings)
    assert await passwords.verify("anything", None) == (False, None)
    assert await passwords.verify("anything", "!") == (False, None)


async def test_a_hash_with_old_parameters_is_renewed(settings: Settings) -> None:
    stored = await Passwords(settings).hash("correct horse")
    harder = Passwords(settings.model_copy(update={"password_time_cost": 2}))
    right, new_hash = await harder.verify("correct horse", stored)
    assert right
    assert new_hash is not None
    assert await harder.verify("correct horse", new_hash) == (True, None)


def test_a_token_says_who_and_in_which_session(settings: Settings) -> None:
    tokens, session_id = AccessTokens(settings), uuid4()
    claims = tokens.read(tokens.issue(7, session_id))
    assert (claims.user_id, claims.session_id) == (7, session_id)
    assert claims.expires_at > datetime.now(UTC)


GOOD = {
    "iss": "fastapi-patterns",
    "aud": "fastapi-patterns-api",
    "sub": "7",
    "sid": str(uuid4()),
    "iat": datetime.now(UTC),
    "exp": datetime.now(UTC) + timedelta(minutes=5),
}


@pytest.mark.parametrize(
    "claims",
    [
        {key: value for key, value in GOOD.items() if key != "exp"},
        {key: value for key, value in GOOD.items() if key != "sid"},
        GOOD | {"exp": datetime.now(UTC) - timedelta(seconds=1)},
        GOOD | {"iss": "somebody-else"},
        GOOD | {"aud": "another-api"},
        GOOD | {"sub": "ada"},
        GOOD | {"sub": str(2**63)},
        GOOD | {"sid": "not-a-uuid"},
        GOOD | {"sid": 7},
    ],
)
def test_a_token_that_is_not_good_is_refused(
    settings: Settings, claims: dict[str, object]
) -> None:
    token = jwt.encode(claims, DEVELOPMENT_SECRET, algorithm="HS256")
    with pytest.raises(UnauthenticatedError):
        AccessTokens(settings).read(token)


def test_a_header_that_is_nested_too_deep_is_refused(settings: Settings) -> None:
    header = base64.urlsafe_b64encode(b"[" * 3000).decode()
    with pytest.raises(UnauthenticatedError):
        AccessTokens(settings).read(f"{header}.e30.xx")


def test_a_token_cannot_choose_its_algorithm(settings: Settings) -> None:
    unsigned = jwt.encode(GOOD, "", algorithm="none")
    with pytest.raises(UnauthenticatedError):
        AccessTokens(settings).read(unsigned)


def test_a_good_token_of_the_same_form_is_taken(settings: Settings) -> None:
    token = jwt.encode(GOOD, DEVELOPMENT_SECRET, algorithm="HS256")
    assert AccessTokens(settings).read(token).user_id == 7
