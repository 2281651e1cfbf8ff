"""What an operator may set: variables `PAGEMESH_SIGNATURE_*`."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from meshkit.config import ServerConfig


class SignatureConfig(ServerConfig):
    """The signature server's configuration."""

    model_config = SettingsConfigDict(env_prefix="PAGEMESH_SIGNATURE_")

    threshold: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Least score of a signature, when the request names none.",
    )
