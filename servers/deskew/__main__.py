"""Serve the deskew model: `python -m servers.deskew`."""

from meshkit.config import load_config
from meshkit.server import run
from servers.deskew.config import DeskewConfig
from servers.deskew.service import SERVICE, create_model


def main() -> None:
    config = load_config(DeskewConfig)
    run(SERVICE, create_model(config), config)


if __name__ == "__main__":
    main()
