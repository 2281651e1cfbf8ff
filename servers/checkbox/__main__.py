"""Serve the checkbox model: `python -m servers.checkbox`."""

from meshkit.config import load_config
from meshkit.server import run
from servers.checkbox.config import CheckboxConfig
from servers.checkbox.service import SERVICE, create_model


def main() -> None:
    config = load_config(CheckboxConfig)
    run(SERVICE, create_model(config), config)


if __name__ == "__main__":
    main()
