"""The orchestrator's configuration. Variables begin with PAGEMESH_ORCHESTRATOR_."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from meshkit.config import ServerConfig
from orchestrator.breaker import BreakerPolicy
from orchestrator.documents.config import DocumentLimits
from orchestrator.pages import WireEncoding
from orchestrator.sources.config import KafkaSettings

MODELS = ("deskew", "classify", "ocr", "checkbox", "signature")
SHIPPED_PIPELINES = Path(__file__).parent / "pipelines"
SHIPPED_FORMS = Path(__file__).parent / "forms" / "shipped"


class OrchestratorConfig(ServerConfig, DocumentLimits, KafkaSettings):
    """All knobs: those of every gRPC process, of documents, of the Kafka door, and these."""

    model_config = SettingsConfigDict(env_prefix="PAGEMESH_ORCHESTRATOR_")

    deskew_target: str = Field(
        default="127.0.0.1:50051", description="Address of the deskew model."
    )
    classify_target: str = Field(
        default="127.0.0.1:50052", description="Address of the classify model."
    )
    ocr_target: str = Field(default="127.0.0.1:50053", description="Address of the OCR model.")
    checkbox_target: str = Field(
        default="127.0.0.1:50054", description="Address of the checkbox model."
    )
    signature_target: str = Field(
        default="127.0.0.1:50055", description="Address of the signature model."
    )

    state_dir: Path = Field(
        default=Path(tempfile.gettempdir()) / "pagemesh-orchestrator",
        description="Folder of the document store; put it on a volume that outlives the process.",
    )
    store_url: str = Field(
        default="",
        description="Documents in MongoDB, for several orchestrators: `mongodb://host/database`, "
        "with `pip install pagemesh[mongo]`. Empty: in the state folder, for one.",
    )
    store_lease_seconds: float = Field(
        default=15.0,
        gt=0,
        description="In MongoDB: an orchestrator without a sign of life for so long loses its "
        "documents to the others, who look for such documents as often.",
    )
    retention_seconds: float = Field(
        default=7 * 24 * 3600.0, gt=0, description="A document is deleted this long after it ended."
    )
    reuse_clients: tuple[str, ...] = Field(
        default=(),
        description="Clients whose finished results are given again for the same bytes, pipeline, "
        "options and models, each its own alone. Empty: every document is read.",
    )
    reuse_model_seconds: float = Field(
        default=60.0,
        gt=0,
        description="A model counts as the same for so long after it answered; after a new version "
        "was rolled out, results of the old one may be given again for so long.",
    )
    pipelines_dir: Path = Field(
        default=SHIPPED_PIPELINES, description="Folder of pipeline definitions (*.yaml)."
    )
    extra_pipelines_dir: Path | None = Field(
        default=None, description="A second folder of pipeline definitions, beside the first."
    )
    forms_dir: Path = Field(
        default=SHIPPED_FORMS,
        description="Folder of forms: a folder each, with definition.yaml and its blank.",
    )
    extra_forms_dir: Path | None = Field(
        default=None, description="A second folder of form definitions, beside the first."
    )
    default_pipeline: str = Field(
        default="application_form", description="The pipeline of requests that name none."
    )
    reload_seconds: float = Field(
        default=2.0, gt=0, description="How often pipelines and forms are looked at for changes."
    )
    max_documents: int = Field(
        default=4, ge=1, description="Documents whose pages are read at once."
    )
    max_queued_documents: int = Field(
        default=100, ge=0, description="Documents that wait; more are refused with a time to retry."
    )
    pages_in_flight_bytes: int = Field(
        default=36 * 1024 * 1024,
        ge=1,
        description="Pixels of all pages in work, in bytes; each call to a model holds copies of "
        "its own. A PDF page counts as colour: A4 at 200 dpi is 11.6 MB. A page larger than this "
        "goes alone.",
    )
    wire_encoding: WireEncoding = Field(
        default=WireEncoding.RAW,
        description="How pages travel to models: raw, png, jpeg or reference.",
    )
    shared_pages_dir: Path = Field(
        default=Path("/dev/shm/pagemesh"),  # noqa: S108 - made for us alone
        description="Folder for pages sent by reference; models must be allowed to read it.",
    )
    breaker_failures: int = Field(
        default=5,
        ge=1,
        description="Failures in a row after which a model is not asked for a while.",
    )
    breaker_reset_seconds: float = Field(
        default=5.0, gt=0, description="After this time one call tries a model again."
    )

    @model_validator(mode="after")
    def _pages_must_fit_messages(self) -> "OrchestratorConfig":
        if self.max_message_bytes < 1024 * 1024:
            raise ValueError("max_message_bytes must be at least 1048576 for pages to fit")
        return self

    @model_validator(mode="after")
    def _documents_must_open(self) -> "OrchestratorConfig":
        if self.max_documents > self.max_open_documents:
            raise ValueError("max_open_documents must be at least max_documents")
        return self

    @property
    def document_limits(self) -> DocumentLimits:
        """The part that documents are opened with."""
        return DocumentLimits(**{name: getattr(self, name) for name in DocumentLimits.model_fields})

    @property
    def targets(self) -> Mapping[str, str]:
        """Address of every model by its noun."""
        return {model: getattr(self, f"{model}_target") for model in MODELS}

    @property
    def breaker(self) -> BreakerPolicy:
        """When a model is given a rest."""
        return BreakerPolicy(self.breaker_failures, self.breaker_reset_seconds)

    @property
    def pipeline_directories(self) -> tuple[Path, ...]:
        """Where pipelines are defined."""
        extra = self.extra_pipelines_dir
        return (self.pipelines_dir, extra) if extra else (self.pipelines_dir,)

    @property
    def form_directories(self) -> tuple[Path, ...]:
        """Where forms are defined."""
        extra = self.extra_forms_dir
        return (self.forms_dir, extra) if extra else (self.forms_dir,)
