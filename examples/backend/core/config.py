"""Settings, read once from the environment and an optional `.env` file."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

DEVELOPMENT_SECRET = "development-only-secret-0123456789abcdef"  # noqa: S105
MINIMUM_SECRET_BYTES = 32


def _split(value: object) -> object:
    """Read `a, b` as `["a", "b"]`: nobody wants to write JSON in an environment."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


CommaSeparated = Annotated[list[str], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """Everything an operator may change, with defaults that suit development."""

    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",
        hide_input_in_errors=True,  # or a refusal to start would print the secrets
    )

    environment: Literal["development", "test", "production"] = "development"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    database_url: SecretStr = SecretStr("sqlite+aiosqlite:///./app.db")
    database_pool_size: int = Field(default=5, ge=1, le=100)

    secret_key: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    token_issuer: str = "fastapi-patterns"  # noqa: S105
    token_audience: str = "fastapi-patterns-api"  # noqa: S105
    access_token_minutes: int = Field(default=15, ge=1, le=24 * 60)
    refresh_token_days: int = Field(default=14, ge=1, le=365)
    password_time_cost: int = Field(default=3, ge=1)
    password_memory_kib: int = Field(default=64 * 1024, ge=8)
    password_threads: int = Field(default=2, ge=1)

    cors_origins: CommaSeparated = []
    allowed_hosts: CommaSeparated = []
    max_body_bytes: int = Field(default=1024 * 1024, ge=1)
    idempotency_hours: int = Field(default=24, ge=1)

    execution_concurrency: int = Field(default=8, ge=1)
    execution_timeout_seconds: float = Field(default=300, gt=0)
    echo_pause_seconds: float = Field(default=0.05, ge=0)
    poll_seconds: float = Field(default=2, gt=0)
    heartbeat_seconds: float = Field(default=15, gt=0)
    send_timeout_seconds: float = Field(default=4, gt=0)
    authentication_timeout_seconds: float = Field(default=5, gt=0)

    @model_validator(mode="after")
    def _production_needs_its_own_secret(self) -> Self:
        if self.environment != "production":
            return self
        secret = self.secret_key.get_secret_value()
        if secret == DEVELOPMENT_SECRET:
            raise ValueError("SECRET_KEY must be set in production")
        if len(secret.encode()) < MINIMUM_SECRET_BYTES:
            raise ValueError(f"SECRET_KEY needs {MINIMUM_SECRET_BYTES} bytes or more")
        return self

    @model_validator(mode="after")
    def _database_is_a_file_or_a_server(self) -> Self:
        # A database in memory belongs to one connection; readers and the writer
        # have connections of their own and would each see another database.
        url = self.database_url.get_secret_value()
        if url.startswith("sqlite") and (":memory:" in url or url.endswith("://")):
            raise ValueError("DATABASE_URL must name a file, not a database in memory")
        return self
