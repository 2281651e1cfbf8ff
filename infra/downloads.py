"""Gets the programs that are on no Python index, once, into the user's cache folder.

Apache Kafka, Apicurio, OpenSearch and mongo-java-server come from Maven Central by Maven, which
checks their digests;
FerretDB is built by Go, whose checksums stand in infra/ferretdb/go.sum. The OpenTelemetry Collector
is built by its own builder from infra/otelcol/builder.yaml, with checksums by Go's checksum
database.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import yaml

HERE = Path(__file__).parent
KAFKA_POM = HERE / "kafka" / "pom.xml"
KAFKA_VERSION = "4.3.1"
OPENSEARCH_POM = HERE / "opensearch" / "pom.xml"
OPENSEARCH_VERSION = "2.19.1"
# The last release for Java 17, which Debian 12 has; later ones want Java 21.
REGISTRY_VERSION = "3.0.9"
FERRETDB_VERSION = "1.24.2"
MONGO_JAVA_POM = HERE / "mongo_java" / "pom.xml"
MONGO_JAVA_VERSION = "1.47.0"
COLLECTOR_CONFIG = HERE / "otelcol" / "builder.yaml"
COLLECTOR_VERSION = "0.159.0"
_DOWNLOAD_SECONDS = 1800.0
_OLDEST_JAVA = 17
_OLDEST_GO = (1, 22)
_OLDEST_GO_OF_COLLECTOR = (1, 25)


class ServiceError(Exception):
    """A service cannot be had on this machine; the text says why and what to do."""


def cache_folder() -> Path:
    """Where downloads are kept: `$XDG_CACHE_HOME/pagemesh`, else `~/.cache/pagemesh`."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "pagemesh"


def program(name: str, package: str) -> str:
    """The path of a program. Raises ServiceError."""
    path = shutil.which(name)
    if path is None:
        raise ServiceError(f"`{name}` is not installed (Debian: apt-get install {package})")
    return path


def java() -> str:
    """The path of `java`. Raises ServiceError when there is none, or an old one."""
    path = program("java", "default-jre-headless")
    said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    if found is None or int(found[1]) < _OLDEST_JAVA:
        raise ServiceError(f"Java {_OLDEST_JAVA} or newer is needed; `java -version` says: {said}")
    return path


def kafka_libraries() -> Path:
    """The folder of Apache Kafka's jars. Raises ServiceError."""

    return _dependencies(KAFKA_POM, f"kafka-{KAFKA_VERSION}")


def opensearch_libraries() -> Path:
    """The folder of OpenSearch's jars. Raises ServiceError."""

    return _dependencies(OPENSEARCH_POM, f"opensearch-{OPENSEARCH_VERSION}")


def mongo_java_libraries() -> Path:
    """The folder of mongo-java-server's jars. Raises ServiceError."""
    return _dependencies(MONGO_JAVA_POM, f"mongo-java-server-{MONGO_JAVA_VERSION}")


def registry_folder() -> Path:
    """The folder of Apicurio Registry's runnable jar. Raises ServiceError."""

    def fetch(folder: Path) -> None:
        artifact = f"io.apicurio:apicurio-registry-app:{REGISTRY_VERSION}:tar.gz:all"
        _maven("dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}")
        (archive,) = folder.glob("*.tar.gz")
        with tarfile.open(archive) as content:
            content.extractall(folder, filter="data")
        archive.unlink()

    return cached(f"apicurio-{REGISTRY_VERSION}", fetch)


def ferretdb_binary() -> Path:
    """The path of FerretDB, built here. Raises ServiceError."""

    def build(folder: Path) -> None:
        source = HERE / "ferretdb"
        run([go(), "build", "-o", str(folder / "ferretdb"), "."], source)

    return cached(f"ferretdb-{FERRETDB_VERSION}", build) / "ferretdb"


def collector_binary() -> Path:
    """The path of the OpenTelemetry Collector, built here in some minutes. Raises ServiceError."""

    def build(folder: Path) -> None:
        builder = f"go.opentelemetry.io/collector/cmd/builder@v{COLLECTOR_VERSION}"
        path = go(_OLDEST_GO_OF_COLLECTOR)
        with tempfile.TemporaryDirectory() as scratch:
            source, choice = Path(scratch) / "source", Path(scratch) / "builder.yaml"
            parts = yaml.safe_load(COLLECTOR_CONFIG.read_text())
            parts["dist"]["output_path"] = str(source)
            choice.write_text(yaml.safe_dump(parts))
            run([path, "run", builder, "--config", str(choice), "--skip-compilation"], HERE)
            output = str(folder / "otelcol")
            run([path, "build", "-trimpath", "-ldflags=-s -w", "-o", output, "."], source)

    return cached(_collector_name(), build) / "otelcol"


def has_collector() -> bool:
    """Whether the OpenTelemetry Collector is built."""
    return has_cached(_collector_name())


def _collector_name() -> str:
    """Another choice of parts is another program."""
    digest = hashlib.sha256(COLLECTOR_CONFIG.read_bytes()).hexdigest()
    return f"otelcol-{COLLECTOR_VERSION}-{digest[:8]}"


def go(oldest: tuple[int, int] = _OLDEST_GO) -> str:
    """The path of `go`. Raises ServiceError when there is none, or an old one."""
    path = program("go", "golang-go")
    said = subprocess.run([path, "version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"go(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < oldest:
        raise ServiceError(f"Go {oldest[0]}.{oldest[1]} or newer is needed to build; {said}")
    return path


def _dependencies(pom: Path, name: str) -> Path:
    """The folder of the jars that a POM names."""

    def fetch(folder: Path) -> None:
        goal = "dependency:copy-dependencies"
        _maven("--file", str(pom), goal, f"-DoutputDirectory={folder}")

    return cached(name, fetch)


def _maven(*arguments: str) -> None:
    java()
    run([program("mvn", "maven"), "--quiet", "--batch-mode", *arguments], HERE)


def run(
    command: list[str],
    folder: Path,
    environ: Mapping[str, str] | None = None,
    *,
    seconds: float = _DOWNLOAD_SECONDS,
) -> None:
    """Run what fetches or builds. Raises ServiceError with what it says when it fails."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **(environ or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise ServiceError(f"{command[0]} did not end in {seconds:g} s") from error
    if done.returncode:
        told = (done.stdout + done.stderr).strip()[-2000:]
        raise ServiceError(f"`{' '.join(command)}` failed:\n{told}")


def has_cached(name: str) -> bool:
    """Whether the cache has this name."""
    return (cache_folder() / name).is_dir()


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of this name in the cache, made when it is not there; whole or not at all."""
    folder = cache_folder() / name
    if folder.is_dir():
        return folder
    with _only_one(cache_folder() / f"{name}.lock"):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
                made = Path(scratch) / name
                made.mkdir()
                make(made)
                made.rename(folder)
    return folder


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
