"""Serve the signature model: `python -m servers.signature`."""

from meshkit.config import load_config
from meshkit.server import run
from servers.signature.config import SignatureConfig
from servers.signature.service import SERVICE, create_model


def main() -> None:
    config = load_config(SignatureConfig)
    run(SERVICE, create_model(config), config)


if __name__ == "__main__":
    main()
