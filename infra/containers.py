"""Container images without a daemon: buildah builds, podman runs; docker where there is one.

Where no registry can be reached, Debian's own packages make a stand-in for the base image: the same
release of Debian with the same version of Python, but not the official build.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from infra.downloads import ServiceError, cached, program, run

ROOT = Path(__file__).parents[1]
BASE = "docker.io/library/python:3.11-slim-bookworm"
REGISTRY = "localhost/pagemesh"
_PACKAGES = "python3,python3-pip,python3-venv,ca-certificates"
_BARE_PACKAGES = "ca-certificates,iptables,iproute2"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_BUILD_SECONDS = 3600.0
_STOP_SECONDS = "20"
# crun refuses some layouts of control groups that runc takes.
_CONFIGURATION = """[containers]
default_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


def environ() -> Mapping[str, str]:
    """What podman and buildah are told of this machine."""
    folder = Path(tempfile.gettempdir()) / "pagemesh-containers"
    folder.mkdir(exist_ok=True)
    file = folder / "containers.conf"
    if not file.is_file():
        file.write_text(_CONFIGURATION)
    return {"CONTAINERS_CONF": str(file)}


def base_image() -> str:
    """The base's name, once the engine has it or its stand-in. Raises ServiceError."""
    return _debian(BASE, "base-bookworm-python3.11", _PACKAGES)


def bare_image() -> str:
    """The name of Debian with what sets rules of packet filters. Raises ServiceError."""
    return _debian("localhost/debian:bookworm", "base-bookworm-iptables", _BARE_PACKAGES)


def _debian(name: str, kept: str, packages: str) -> str:
    """Debian 12 with packages as an image, made from them when the engine does not have it."""

    def make(folder: Path) -> None:
        target = str(folder / "base.tar")
        debootstrap = program("mmdebstrap", "mmdebstrap")
        run([debootstrap, "--variant=minbase", f"--include={packages}", "bookworm", target], ROOT)

    podman = program("podman", "podman")
    there = subprocess.run(
        [podman, "image", "exists", name], env={**os.environ, **environ()}, check=False
    )
    if there.returncode:
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        archive = str(cached(kept, make) / "base.tar")
        run([podman, "import", "--change", f"ENV {path}", archive, name], ROOT, environ())
    return name


def image_name(noun: str, tag: str) -> str:
    """`localhost/pagemesh/ocr:test`."""
    return f"{REGISTRY}/{noun}:{tag}"


def build(noun: str, dockerfile: Path, tag: str, arguments: Mapping[str, str]) -> str:
    """Build an image with what is there: buildah, else podman, else docker.

    Args:
        noun: of the deployable.
        dockerfile: its recipe; the context is the repository.
        tag: of the image.
        arguments: the recipe's `ARG`s.

    Returns:
        The image's name.

    Raises:
        ServiceError: nothing can build, or the build fails.
    """
    name = image_name(noun, tag)
    given = [f"--build-arg={key}={value}" for key, value in arguments.items()]
    run([*_builder(), "--file", str(dockerfile), "--tag", name, *given, "."], ROOT, environ(),
        seconds=_BUILD_SECONDS)  # fmt: skip
    return name


def build_folder(name: str, folder: Path) -> None:
    """Build an image of a folder that has its `Dockerfile`. Raises ServiceError."""
    run([*_builder(), "--quiet", "--tag", name, str(folder)], folder, environ(),
        seconds=_BUILD_SECONDS)  # fmt: skip


def _builder() -> list[str]:
    # Who signs the certificates of package indexes may be known to this machine alone.
    trust = ["--volume", f"{_CERTIFICATES}:{_CERTIFICATES}:ro"] if _CERTIFICATES.is_file() else []
    if shutil.which("buildah"):
        return ["buildah", "bud", "--layers", "--isolation=oci", "--runtime=runc", *trust]
    if shutil.which("podman"):
        return ["podman", "build", "--layers", *trust]
    return [program("docker", "buildah"), "build"]


@contextlib.contextmanager
def running(
    image: str,
    variables: Mapping[str, str],
    *,
    memory: str,
    volumes: Mapping[Path, str],
    extra: Sequence[str] = (),
) -> Iterator[str]:
    """A container as Kubernetes would run it: nobody, read-only, without capabilities, limited.

    Args:
        image: its name.
        variables: its environment.
        memory: its limit, `512m`.
        volumes: folders of this machine and where they are in it.
        extra: further arguments of `podman run`.

    Yields:
        The container's name. It is on this machine's network.
    """
    podman = program("podman", "podman")
    command = [
        *(podman, "run", "--detach", "--network=host", "--read-only", "--read-only-tmpfs=false"),
        *("--tmpfs=/tmp:rw,mode=1777", "--user=10001:10001", "--cap-drop=ALL"),
        *("--security-opt=no-new-privileges", f"--memory={memory}"),
        *(f"--env={key}={value}" for key, value in variables.items()),
        *(f"--volume={here}:{there}" for here, there in volumes.items()),
        *extra,
        image,
    ]
    done = subprocess.run(
        command, env={**os.environ, **environ()}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ServiceError(f"{image} does not start: {done.stderr.strip()}")
    name = done.stdout.strip()
    try:
        yield name
    finally:
        podman_says("stop", "--time", _STOP_SECONDS, name)
        podman_says("rm", "--force", name)


def podman_says(*arguments: str) -> str:
    """What podman answers, whether it likes it or not."""
    done = subprocess.run(
        [program("podman", "podman"), *arguments],
        env={**os.environ, **environ()},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr
