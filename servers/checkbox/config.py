"""What an operator may set: variables `PAGEMESH_CHECKBOX_*`."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from meshkit.config import ServerConfig


class CheckboxConfig(ServerConfig):
    """The checkbox server's configuration."""

    model_config = SettingsConfigDict(env_prefix="PAGEMESH_CHECKBOX_")

    threshold: float = Field(
        default=0.5, gt=0, le=1, description="Least score of a box, when the request names none."
    )
    checked_threshold: float = Field(
        default=0.5, gt=0, le=1, description="Least checked score of a box that is called checked."
    )
