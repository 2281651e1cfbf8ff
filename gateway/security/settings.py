"""The gateway's knobs that say who may ask for what."""

from pathlib import Path

from limits import parse_many
from pydantic import BaseModel, Field, IPvAnyNetwork, SecretStr, field_validator, model_validator


class SecuritySettings(BaseModel):
    """Part of the gateway's configuration.

    Without `api_keys_file` and `oidc_issuer` everybody who reaches the gateway may use it.
    """

    api_keys_file: Path | None = Field(
        default=None, description="File of hashed API keys, made by `pagemesh-keys`."
    )
    oidc_issuer: str = Field(
        default="", description="Issuer of OpenID Connect whose tokens are taken: its `iss`."
    )
    oidc_audience: str = Field(default="", description="The `aud` that tokens must name.")
    oidc_jwks_url: str = Field(
        default="", description="Where the issuer's keys are; empty: the issuer's discovery says."
    )
    oidc_client_claim: str = Field(
        default="sub", min_length=1, description="The claim that names the client."
    )
    request_rate: str = Field(
        default="",
        description="Requests of a client, of an address where there are no clients: "
        "`50/second;10000/hour`. Empty: any number.",
    )
    document_rate: str = Field(
        default="", description="Documents that a client may send: `20/minute;5000/day`."
    )
    limits_url: str = Field(
        default="",
        description="`redis://host:port/1` that counts for several gateways; empty: each counts.",
    )
    cors_origins: tuple[str, ...] = Field(
        default=(), description="Origins of other sites whose pages may call the gateway."
    )
    webhook_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts that webhooks may call: `hooks.example.org`, `*.example.org`, `*`.",
    )
    webhook_networks: tuple[IPvAnyNetwork, ...] = Field(
        default=(), description="Networks that these hosts may be in although they are private."
    )
    webhook_allow_http: bool = Field(
        default=False, description="Whether webhooks may go by `http://`, too."
    )
    webhook_secrets: tuple[SecretStr, ...] = Field(
        default=(),
        description="Clients' signing secrets are derived from these; the first signs first, the "
        "others sign, too, until receivers know it. Empty: one is made, in `state_dir`.",
    )
    webhook_attempts: int = Field(
        default=12, ge=1, description="Attempts at a webhook until it is a dead letter."
    )
    webhook_pause_seconds: float = Field(
        default=5.0,
        gt=0,
        description="Wait before the second attempt; each wait after it is twice as long, to 1 h.",
    )
    webhook_timeout_seconds: float = Field(
        default=15.0, gt=0, description="How long a receiver may take for its answer."
    )

    @field_validator("request_rate", "document_rate")
    @classmethod
    def _must_be_rates(cls, value: str) -> str:
        if value:
            parse_many(value)
        return value

    @field_validator("limits_url")
    @classmethod
    def _must_be_redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://")):
            raise ValueError("redis://host:port/0 is expected")
        return value

    @model_validator(mode="after")
    def _audience_is_named(self) -> "SecuritySettings":
        if self.oidc_issuer and not self.oidc_audience:
            raise ValueError("oidc_audience: tokens of other applications would be taken without")
        if self.oidc_issuer and not self.oidc_issuer.startswith(("https://", "http://")):
            raise ValueError("oidc_issuer: https://... is expected")
        return self

    @property
    def knows_clients(self) -> bool:
        """Whether a client has to say who it is."""
        return self.api_keys_file is not None or bool(self.oidc_issuer)
