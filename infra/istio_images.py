"""Images of Istio's own programs, in podman's store, since its registry may be out of reach.

The programs are those that `infra.kubernetes_tools` builds, their base is Debian instead of Istio's
own, and Envoy is another build than Istio's, without Istio's own filters.
"""

import shutil
import tempfile
from pathlib import Path

from infra.containers import bare_image, build_folder
from infra.kubernetes_tools import ISTIO_API_VERSION, ISTIO_PARTS, istio, istio_bootstrap

HUB = "localhost/istio"
TAG = ISTIO_API_VERSION
NAMES = tuple(f"{HUB}/{name}:{TAG}" for name in ("pilot", "proxyv2", "install-cni"))
_RECIPES = {
    "pilot": 'USER 1337:1337\nENTRYPOINT ["pilot-discovery"]\n',
    "proxyv2": (
        "COPY envoy /usr/local/bin/envoy\n"
        "COPY envoy_bootstrap.json /var/lib/istio/envoy/envoy_bootstrap_tmpl.json\n"
        'ENTRYPOINT ["pilot-agent"]\n'
    ),
    "install-cni": 'COPY istio-cni /opt/cni/bin/istio-cni\nCMD ["install-cni"]\n',
}


def build_istio_images(envoy: Path) -> None:
    """Have podman's store have `NAMES`. Raises ServiceError.

    Args:
        envoy: the program.
    """
    base = bare_image()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "bin").mkdir()
        shutil.copy2(istio() / "istio", folder / "bin" / "istio")
        for part in ISTIO_PARTS:
            (folder / "bin" / part).symlink_to("istio")
        shutil.copy2(istio() / "istio-cni", folder / "istio-cni")
        shutil.copy2(envoy, folder / "envoy")
        shutil.copy2(istio_bootstrap(), folder / "envoy_bootstrap.json")
        for name, recipe in _RECIPES.items():
            path = folder / "Dockerfile"
            path.write_text(f"FROM {base}\nCOPY bin /usr/local/bin\n{recipe}")
            build_folder(f"{HUB}/{name}:{TAG}", folder)
