"""Configuration from the environment."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from meshkit.config import Config, ConfigError, ServerConfig, load_config, read_config


class ToyConfig(ServerConfig):
    model_config = SettingsConfigDict(env_prefix="PAGEMESH_TOY_")

    engine: Literal["fast", "good"] = Field(default="fast", description="Which engine.")
    languages: tuple[str, ...] = Field(default=("en",), description="Languages.")
    threshold: float = Field(default=0.5, ge=0, le=1, description="Score.")


def test_defaults_listen_on_this_machine_only_and_take_an_a4_page_at_300_dpi_raw() -> None:
    config = read_config(ToyConfig, {})
    assert config.host == "127.0.0.1"
    assert config.max_message_bytes > 2480 * 3508 * 3
    assert config.max_page_pixels > 2480 * 3508


def test_values_are_read_under_the_prefix_and_nothing_else_is() -> None:
    environ = {
        "PAGEMESH_TOY_PORT": "5001",
        "PAGEMESH_TOY_LANGUAGES": "de, en",
        "PAGEMESH_TOY_PAGE_REFERENCE_ROOTS": "/a,/b",
        "PAGEMESH_TOY_THRESHOLD": "0.25",
        "PAGEMESH_OTHER_PORT": "nonsense",
        "PORT": "1",
    }
    config = read_config(ToyConfig, environ)
    assert config.port == 5001
    assert config.languages == ("de", "en")
    assert config.page_reference_roots == (Path("/a"), Path("/b"))
    assert config.threshold == 0.25


def test_constructing_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGEMESH_TOY_PORT", "5001")
    assert ToyConfig().port == 0
    assert load_config(ToyConfig).port == 5001


def test_a_configuration_is_frozen() -> None:
    with pytest.raises(ValidationError):
        ToyConfig().port = 1


def test_every_mistake_is_told_at_once_with_variable_value_and_what_is_allowed() -> None:
    environ = {
        "PAGEMESH_TOY_PORT": "http",
        "PAGEMESH_TOY_ENGINE": "slow",
        "PAGEMESH_TOY_THRESHOLD": "2",
        "PAGEMESH_TOY_PROT": "5001",
    }
    with pytest.raises(ConfigError) as error:
        read_config(ToyConfig, environ)
    text = "\n".join(error.value.problems)
    assert len(error.value.problems) == 4
    assert "PAGEMESH_TOY_PORT='http'" in text
    assert "'fast' or 'good'" in text
    assert "PAGEMESH_TOY_THRESHOLD='2'" in text
    assert "less than or equal to 1" in text
    assert "did you mean PAGEMESH_TOY_PORT?" in text


def test_a_secret_is_not_shown() -> None:
    class SecretConfig(Config):
        model_config = SettingsConfigDict(env_prefix="PAGEMESH_SECRET_")

        password: SecretStr = Field(default=SecretStr(""), max_length=3)

    with pytest.raises(ConfigError) as error:
        read_config(SecretConfig, {"PAGEMESH_SECRET_PASSWORD": "hunter2"})
    assert "PAGEMESH_SECRET_PASSWORD='***'" in str(error.value)
    assert "hunter2" not in str(error.value)


def test_values_that_contradict_each_other_are_told() -> None:
    with pytest.raises(ConfigError, match="max_pixels_in_flight must be at least"):
        read_config(ToyConfig, {"PAGEMESH_TOY_MAX_PIXELS_IN_FLIGHT": "5"})


def test_main_prints_the_mistakes_and_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        load_config(ToyConfig, {"PAGEMESH_TOY_PORT": "-1", "PAGEMESH_TOY_WORKERS": "none"})
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert "PAGEMESH_TOY_PORT" in printed
    assert "PAGEMESH_TOY_WORKERS" in printed


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({"port": 5001}, "127.0.0.1:5001"),
        ({"host": "::1", "port": 5001}, "[::1]:5001"),
        ({"unix_socket": "/run/toy.sock", "port": 5001}, "unix:/run/toy.sock"),
    ],
)
def test_the_address_is_in_grpc_notation(given: dict[str, object], address: str) -> None:
    assert ToyConfig(**given).listen_address == address  # type: ignore[arg-type]


def test_every_field_is_documented() -> None:
    assert all(field.description for field in ServerConfig.model_fields.values())


class _Addressed(ToyConfig):
    store_url: str = Field(default="", pattern="^mongodb://")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("mongo://ann:hunter2@db:27017/x", "'mongo://***@db:27017/x'"),
        ("redis:ann:hunter2@db", "'***@db'"),
        ("mongo://db:27017/x", "'mongo://db:27017/x'"),
    ],
)
def test_a_mistake_in_an_address_shows_no_password(value: str, shown: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(_Addressed, {"PAGEMESH_TOY_STORE_URL": value})
    assert f"PAGEMESH_TOY_STORE_URL={shown}: " in caught.value.problems[0]
    assert "hunter2" not in str(caught.value)


def test_a_log_file_in_a_folder_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"PAGEMESH_LOG_FILE=.*/nowhere is not there"):
        read_config(ServerConfig, {"PAGEMESH_LOG_FILE": "/nowhere/ocr.log"})
