"""A sample through a door of what was deployed."""

import os
from pathlib import Path

from meshkit.errors import PagemeshError
from pagemesh import Client
from scripts.deploy.cluster import DeployError

SAMPLE = Path(__file__).parents[2] / "samples" / "application_form.pdf"
_UNKNOWN = "; no credential was given: PAGEMESH_API_KEY or SMOKE_KEY_FILE"


def credential(file: Path | None) -> str:
    """An API key or a token: a file's, else the environment's. Raises DeployError."""
    try:
        return file.read_text().strip() if file else os.environ.get("PAGEMESH_API_KEY", "")
    except OSError as error:
        raise DeployError(f"{file} cannot be read: {error.strerror}") from error


def smoke(address: str, shown: str) -> str:
    """Have the sample read through a door; what came of it.

    Args:
        address: `https://host` of a gateway, `grpcs://host:port` or `host:port` of an orchestrator.
        shown: the credential; empty: none.

    Raises:
        DeployError: it was not read, or not all of it.
    """
    try:
        with Client(address, api_key=shown) as client:
            # A stream that is refused while it is sent may end before it hears why.
            client.pipelines()
            pages = list(client.analyze(SAMPLE, pipeline="application_form"))
    except PagemeshError as error:
        why = f"{error}{'' if shown else _UNKNOWN}"
        raise DeployError(f"the sample was not read through {address}: {why}") from error
    failed = [page.page_number for page in pages if page.HasField("error")]
    if failed or not pages:
        raise DeployError(f"the sample's pages {failed} failed; {len(pages)} pages came back")
    return f"{SAMPLE.name} read through {address}: {len(pages)} pages"
