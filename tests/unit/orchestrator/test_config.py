"""The configuration and its table."""

from pathlib import Path

import pytest

from meshkit.config import ConfigError, ServerConfig, read_config
from orchestrator.config import MODELS, OrchestratorConfig
from orchestrator.documents.config import DocumentLimits

README = Path(__file__).parents[3] / "orchestrator" / "README.md"


def test_variables_are_read() -> None:
    config = read_config(
        OrchestratorConfig,
        {
            "PAGEMESH_ORCHESTRATOR_OCR_TARGET": "dns:///ocr:50051",
            "PAGEMESH_ORCHESTRATOR_FILE_ROOTS": "/srv/in,/srv/more",
            "PAGEMESH_ORCHESTRATOR_WIRE_ENCODING": "jpeg",
            "PAGEMESH_ORCHESTRATOR_DPI": "150",
        },
    )
    assert config.targets["ocr"] == "dns:///ocr:50051"
    assert set(config.targets) == set(MODELS)
    limits = config.document_limits
    assert type(limits) is DocumentLimits
    assert limits.file_roots == (Path("/srv/in"), Path("/srv/more"))
    assert limits.dpi == 150
    assert config.wire_encoding == "jpeg"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"MAX_DOCUMENTS": "0"}, "MAX_DOCUMENTS='0'"),
        ({"MAX_DOCUMENTS": "9"}, "max_open_documents must be at least max_documents"),
        ({"MAX_MESSAGE_BYTES": "2048"}, "max_message_bytes must be at least"),
        ({"WIRE_ENCODING": "gif"}, "WIRE_ENCODING='gif'"),
        ({"OCR_TARGT": "x"}, "did you mean PAGEMESH_ORCHESTRATOR_OCR_TARGET"),
    ],
)
def test_mistakes_are_told(variables: dict[str, str], told: str) -> None:
    environ = {f"PAGEMESH_ORCHESTRATOR_{name}": value for name, value in variables.items()}
    with pytest.raises(ConfigError) as caught:
        read_config(OrchestratorConfig, environ)
    assert told in str(caught.value)


def test_every_knob_is_in_the_readme() -> None:
    text = README.read_text()
    of_models_only = set(ServerConfig.model_fields) - set(DocumentLimits.model_fields)
    of_models_only -= {"host", "port", "unix_socket", "max_message_bytes", "log_level"}
    of_models_only -= {"drain_seconds", "drain_delay_seconds"}
    knobs = set(OrchestratorConfig.model_fields) - of_models_only
    missing = [name for name in knobs if f"| `{name.upper()}` |" not in text]
    assert missing == []
