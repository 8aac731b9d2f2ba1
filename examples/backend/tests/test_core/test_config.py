import pytest
from pydantic import ValidationError

from backend.core.config import Settings
from backend.tests.conftest import ArgumentsOnly


def test_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS_TOKEN_MINUTES", "5")
    monkeypatch.setenv("CORS_ORIGINS", "https://a.example, https://b.example")
    settings = Settings()
    assert settings.access_token_minutes == 5
    assert settings.cors_origins == ["https://a.example", "https://b.example"]


def test_lists_may_come_as_lists() -> None:
    assert ArgumentsOnly(allowed_hosts=["a.example"]).allowed_hosts == ["a.example"]


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        ("development-only-secret-0123456789abcdef", "must be set"),
        ("too short", "32 bytes"),
    ],
)
def test_production_refuses_a_weak_secret(secret: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message) as caught:
        ArgumentsOnly.model_validate(
            {"environment": "production", "secret_key": secret}
        )
    assert secret not in str(caught.value)


def test_production_takes_a_good_secret() -> None:
    good = {"environment": "production", "secret_key": "s3cret" * 10}
    settings = ArgumentsOnly.model_validate(good)
    assert "s3cret" not in repr(settings)


def test_a_database_in_memory_is_refused() -> None:
    with pytest.raises(ValidationError, match="must name a file"):
        ArgumentsOnly.model_validate({"database_url": "sqlite+aiosqlite://"})
