"""Serve the OCR model: `python -m servers.ocr`."""

from meshkit.config import load_config
from meshkit.server import run
from servers.ocr.config import OcrConfig
from servers.ocr.service import SERVICE, create_model


def main() -> None:
    config = load_config(OcrConfig)
    run(SERVICE, create_model(config), config)


if __name__ == "__main__":
    main()
