"""What an operator may set: variables `PAGEMESH_CLASSIFY_*`."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from meshkit.config import ServerConfig


class ClassifyConfig(ServerConfig):
    """The classifier's configuration."""

    model_config = SettingsConfigDict(env_prefix="PAGEMESH_CLASSIFY_")

    threshold: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Below this score a page's class is `unknown`, when the request names none.",
    )
