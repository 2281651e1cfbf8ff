"""`python -m sidecar`: the proxy beside one model."""

from meshkit.config import load_config
from sidecar.config import SidecarConfig
from sidecar.run import run


def main() -> None:
    """Run until told to end."""
    run(load_config(SidecarConfig))


if __name__ == "__main__":
    main()
