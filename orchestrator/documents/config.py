"""What the orchestrator accepts as a document, set by the operator."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, model_validator


class DocumentLimits(BaseModel):
    """Limits on documents, and the places they may be fetched from.

    By default no location may be fetched at all: every list of places is empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_document_bytes: int = Field(default=500_000_000, gt=0)
    """Bytes of a document, uploaded or fetched."""
    max_pages: int = Field(default=5000, gt=0)
    """Pages of a document."""
    max_page_pixels: int = Field(default=100_000_000, gt=0)
    """Width times height of a page. A PDF page over it is rasterised at a lower resolution."""
    max_page_side: int = Field(default=30_000, gt=0, le=32_766)
    """Longer side of a page in pixels. OpenCV's warps take no image of 32,767 or more."""
    max_page_points: float = Field(default=14_400.0, gt=0)
    """Longer side of a PDF page in points of 1/72 inch: 200 inch, as the PDF reference advises."""
    dpi: int = Field(default=200, gt=0)
    """Dots per inch at which PDF pages are rasterised when the request does not say."""
    min_dpi: int = Field(default=72, gt=0)
    """The lowest resolution to which a big PDF page is reduced; below it the page is refused."""
    max_dpi: int = Field(default=600, gt=0)
    """The highest resolution that a request may ask for."""

    open_timeout_s: float = Field(default=20.0, gt=0)
    """Seconds to open a document and count its pages."""
    page_timeout_s: float = Field(default=30.0, gt=0)
    """Seconds to rasterise one page."""
    worker_memory_bytes: int = Field(default=1_610_612_736, ge=400_000_000)
    """Address space of the process that reads one document (RLIMIT_AS)."""
    require_isolation: bool = False
    """Whether documents are refused where the kernel or the container's runtime does not let their
    readers be cut off from network, files, privileges and other system calls. If not, what can be
    had is used, and what is missing is in the log."""
    max_open_documents: int = Field(default=8, gt=0)
    """Documents open at once, each with its own worker process."""
    open_wait_s: float = Field(default=30.0, gt=0)
    """Seconds that a document waits for its turn before it is refused as overload."""

    file_roots: tuple[Path, ...] = ()
    """Folders under which `file://` locations may lie."""
    allowed_hosts: tuple[str, ...] = ()
    """Hosts of `https://` locations: `files.example.org`, `*.example.org`, `10.0.0.7:8443`.
    Without a port only the scheme's own port is allowed."""
    allowed_networks: tuple[IPvAnyNetwork, ...] = ()
    """Networks that allowed hosts may resolve to although they are private, loopback or
    link-local: `10.20.0.0/16`. Public addresses need no entry."""
    allow_http: bool = False
    """Whether `http://` locations are taken from allowed hosts, too."""
    s3_buckets: tuple[str, ...] = ()
    """Buckets of `s3://` locations."""
    s3_endpoint: str | None = None
    """Address of an S3-compatible store; the provider's own when unset."""
    fetch_timeout_s: float = Field(default=120.0, gt=0)
    """Seconds to fetch a document."""
    max_redirects: int = Field(default=5, ge=0)
    """Redirects followed; every one is checked like the first address."""

    scratch_dir: Path | None = None
    """Folder for documents while they are read; the system's temporary folder when unset."""

    @model_validator(mode="after")
    def _check_resolutions(self) -> "DocumentLimits":
        if not self.min_dpi <= self.dpi <= self.max_dpi:
            raise ValueError("min_dpi <= dpi <= max_dpi must hold")
        return self
