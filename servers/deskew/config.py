"""What an operator may set: variables `PAGEMESH_DESKEW_*`."""

from pydantic_settings import SettingsConfigDict

from meshkit.config import ServerConfig


class DeskewConfig(ServerConfig):
    """The deskew server's configuration: what every server has."""

    model_config = SettingsConfigDict(env_prefix="PAGEMESH_DESKEW_")
