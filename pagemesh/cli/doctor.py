"""`pagemesh doctor`."""

import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from pagemesh.cli.consoles import output_console
from pagemesh.cli.problems import EXIT_FAILED
from pagemesh.local_mesh import DEFAULT_PORTS, HOST, MODELS

LIBRARIES = (
    "grpcio",
    "protobuf",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "pypdfium2",
    "pytesseract",
    "opentelemetry-sdk",
)
RUNTIMES = ("onnxruntime-gpu", "onnxruntime")
LFS_POINTER = b"version https://git-lfs"
SECONDS = 10.0


class Mark(Enum):
    """How a finding is to be taken: the sign, and its colour."""

    FINE = ("ok", "green")
    NOTE = ("note", "yellow")
    WRONG = ("wrong", "bold red")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        mark: how it is to be taken.
        what: was looked at.
        found: there.
        hint: what to do; empty when nothing is to be done.
    """

    mark: Mark
    what: str
    found: str
    hint: str = ""


def doctor() -> None:
    """Say what is installed, where models would run, and what is missing.

    Exits with 1 when something that every installation needs is missing.
    """
    findings = [
        *_machine(),
        *_libraries(),
        *_runtime(),
        *_tesseract(),
        *_weights(),
        *_ports(),
    ]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", "what", "found", "what to do"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        sign, style = finding.mark.value
        table.add_row(Text(sign, style), finding.what, Text(finding.found), Text(finding.hint))
    output_console().print(table)
    if any(finding.mark is Mark.WRONG for finding in findings):
        raise typer.Exit(EXIT_FAILED)


def _machine() -> Iterator[Finding]:
    yield Finding(Mark.FINE, "Python", f"{platform.python_version()} at {sys.executable}")
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{platform.system()} {platform.machine()}, {cores} cores, {memory:.0f} GiB memory"
    if platform.system() != "Linux":
        yield Finding(Mark.WRONG, "machine", machine, "pagemesh runs on Linux")
    elif memory < 3.5:
        yield Finding(Mark.NOTE, "machine", machine, "the whole mesh wants 4 GiB")
    else:
        yield Finding(Mark.FINE, "machine", machine)


def _libraries() -> Iterator[Finding]:
    for name in ("pagemesh", *LIBRARIES):
        version = _version(name)
        if version is None:
            yield Finding(Mark.WRONG, name, "not installed", f"pip install {name}")
        else:
            yield Finding(Mark.FINE, name, version)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _runtime() -> Iterator[Finding]:
    """ONNX Runtime and where it would run."""
    installed = {name: _version(name) for name in RUNTIMES}
    names = [f"{name} {version}" for name, version in installed.items() if version]
    if not names:
        hint = "pip install 'pagemesh[cpu]', or 'pagemesh[gpu]' with an NVIDIA GPU"
        yield Finding(Mark.WRONG, "ONNX Runtime", "not installed", hint)
        return
    if len(names) > 1:
        hint = "they hide each other: pip uninstall onnxruntime onnxruntime-gpu, then install one"
        yield Finding(Mark.WRONG, "ONNX Runtime", ", ".join(names), hint)
        return
    from meshkit.onnx import cuda_is_there  # noqa: PLC0415 - it is only now known to import

    device = "cuda:0" if cuda_is_there() else "cpu"
    has_gpu = shutil.which("nvidia-smi") is not None
    if has_gpu and device == "cpu":
        hint = "there is an NVIDIA driver: pip install 'pagemesh[gpu]', with CUDA's libraries"
        yield Finding(Mark.NOTE, "ONNX Runtime", f"{names[0]}, on {device}", hint)
    else:
        yield Finding(Mark.FINE, "ONNX Runtime", f"{names[0]}, on {device}")


def _tesseract() -> Iterator[Finding]:
    """The second reader; the first needs no program."""
    program = shutil.which("tesseract")
    if program is None:
        hint = "apt-get install tesseract-ocr, if pages are to be read with ocr.engine=tesseract"
        yield Finding(Mark.NOTE, "tesseract", "not installed", hint)
        return
    version = _output(program, "--version").partition("\n")[0]
    languages = _output(program, "--list-langs").splitlines()[1:]
    found = f"{version}: {', '.join(languages) or 'no languages'}"
    if "eng" in languages:
        yield Finding(Mark.FINE, "tesseract", found)
    else:
        yield Finding(Mark.NOTE, "tesseract", found, "apt-get install tesseract-ocr-eng")


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603 - fixed arguments, no shell
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not run: {error}"
    return (done.stdout or done.stderr).strip()


def _weights() -> Iterator[Finding]:
    spec = importlib.util.find_spec("servers")
    roots = [Path(root) for root in (spec.submodule_search_locations or ())] if spec else []
    for model in MODELS:
        folder = next((root / model for root in roots if (root / model).is_dir()), Path())
        files = sorted(folder.glob("weights/**/*.onnx"))
        if not files:
            hint = "get the repository whole: its weights are files of it"
            yield Finding(Mark.WRONG, f"{model} weights", "none", hint)
        for file in files:
            yield _weight(model, file)


def _weight(model: str, file: Path) -> Finding:
    data = file.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    found = f"{file.name}  {len(data) / 1e6:.1f} MB  sha256:{digest[:16]}…"
    if data.startswith(LFS_POINTER):
        return Finding(Mark.WRONG, f"{model} weights", f"{file.name} is a pointer", "git lfs pull")
    sums = file.parent / "SHA256SUMS"
    if sums.is_file():
        lines = (line.split(maxsplit=1) for line in sums.read_text().splitlines())
        wanted = {name.strip(" *"): sum_ for sum_, name in lines}
        if wanted.get(file.name, digest) != digest:
            hint = "it is not the file that was released: check it out anew"
            return Finding(Mark.WRONG, f"{model} weights", found, hint)
    return Finding(Mark.FINE, f"{model} weights", found)


def _ports() -> Iterator[Finding]:
    """What `pagemesh up` would like to have."""
    taken = [f"{port} ({name})" for name, port in DEFAULT_PORTS.items() if not _is_free(port)]
    if taken:
        hint = "pagemesh up takes other ones"
        yield Finding(Mark.NOTE, "ports", f"taken: {', '.join(taken)}", hint)
    else:
        ports = ", ".join(map(str, sorted(DEFAULT_PORTS.values())))
        yield Finding(Mark.FINE, "ports", f"{ports} are free")


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
        return True
