"""Serve the classifier: `python -m servers.classify`."""

from meshkit.config import load_config
from meshkit.server import run
from servers.classify.config import ClassifyConfig
from servers.classify.service import SERVICE, create_model


def main() -> None:
    config = load_config(ClassifyConfig)
    run(SERVICE, create_model(config), config)


if __name__ == "__main__":
    main()
