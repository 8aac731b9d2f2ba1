"""Fixtures for every test."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from backend.core.config import Settings


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio, which is what the application runs on."""
    return "asyncio"


class ArgumentsOnly(Settings):
    """Settings that do not read the developer's environment and `.env` file."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave only the arguments."""
        return (init_settings,)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings for one test: a file of its own, cheap passwords, short waits."""
    return ArgumentsOnly(
        environment="test",
        database_url=SecretStr(f"sqlite+aiosqlite:///{tmp_path}/test.db"),
        password_time_cost=1,
        password_memory_kib=8,
        echo_pause_seconds=0.001,
        poll_seconds=0.05,
        heartbeat_seconds=0.1,
    )
