"""Whether what an image's code imports is in the image: our own modules, and locked packages."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from scripts.lock_images import FOLDER
from scripts.manifests.images import dockerfile

ROOT = Path(__file__).parents[1]
OURS = frozenset(("gateway", "meshkit", "orchestrator", "pagemesh", "servers", "sidecar"))
# Imported only by who installed it: tools that make weights.
CHOSEN: Mapping[str, frozenset[str]] = {
    "ocr": frozenset(("onnx",)),
    "classify": frozenset(("scikit-learn", "scipy")),
}


def uncovered(noun: str, lock: Path | None = None) -> list[str]:
    """What an image's code imports and the image does not have, a line each.

    Args:
        noun: the deployable.
        lock: the packages; by default those that its Dockerfile installs.
    """
    locked = re.findall(r"^([\w.-]+)==", (lock or _lock(noun)).read_text(), re.MULTILINE)
    listed = {_plain(canonicalize_name(name)) for name in locked}
    return [
        f"{file}: {module} {fault}"
        for file, module in sorted(_reached(noun))
        if (fault := _fault(noun, module, listed))
    ]


def _fault(noun: str, module: str, listed: set[str]) -> str:
    """What is wrong with an import; empty for nothing."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return ""
    if top in OURS:
        return "" if _file(module, copied(noun)) else "is not copied into the image"
    names = _distributions(module)
    if not names:
        return "is of no package that is installed here"
    if names & (listed | CHOSEN.get(noun, frozenset())):
        return ""
    return f"is of {', '.join(sorted(names))}, which is not locked"


def _lock(noun: str) -> Path:
    (name,) = re.findall(r"^ARG LOCK=(\S+)$", dockerfile(noun).read_text(), re.MULTILINE)
    return FOLDER / f"{name}.lock"


def copied(noun: str) -> list[Path]:
    """Our folders and modules in an image."""
    lines = re.findall(r"^COPY ((?!--|docker).+) \S+$", dockerfile(noun).read_text(), re.MULTILINE)
    names = [name.rstrip("/") for line in lines for name in line.split()]
    return [ROOT / name for name in names if name.partition("/")[0] in OURS]


def _reached(noun: str) -> set[tuple[str, str]]:
    """File and module of every import in a room, and in what it imports of the others."""
    room = dockerfile(noun).parent
    waiting = [path for path in room.rglob("*.py") if path.name != "testing.py"]
    seen, found = set(waiting), set()
    while waiting:
        path = waiting.pop()
        for module in imports(path):
            found.add((str(path.relative_to(ROOT)), module))
            file = _file(module, [ROOT]) if module.partition(".")[0] in OURS else None
            if file is not None and file.is_file() and file not in seen:
                seen.add(file)
                waiting.append(file)
    return found


def imports(path: Path) -> Iterator[str]:
    """Modules that a file imports, those in functions and by `import_module` as well."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (_submodule(node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (str(arg.value) for arg in node.args[:1] if isinstance(arg, ast.Constant))


def _submodule(module: str, name: str) -> str:
    """`module.name` when that is a module of ours, as in `from pagemesh.ocr.v1 import x_pb2`."""
    whole = f"{module}.{name}"
    is_ours = module.partition(".")[0] in OURS
    return whole if is_ours and _file(whole, [ROOT]) else module


def _file(module: str, places: Iterable[Path]) -> Path | None:
    """The file of a module of ours, when it is in one of these places; a folder is its own."""
    path = ROOT / module.replace(".", "/")
    for file in (path.with_suffix(".py"), path / "__init__.py", path):
        if file.exists() and any(file == place or place in file.parents for place in places):
            return file
    return None


def _plain(name: str) -> str:
    """Packages with CUDA in them have the same modules."""
    return name.removesuffix("-gpu")


@cache
def _distributions(module: str) -> frozenset[str]:
    """Packages that have a module; of those that share a namespace the one whose it is."""
    parts = module.split(".")
    candidates = sorted(set(_installed().get(parts[0], ())))
    if len(candidates) > 1:
        for length in range(len(parts), 1, -1):
            path = "/".join(parts[:length])
            having = [name for name in candidates if path in _modules(name)]
            if having:
                candidates = having
                break
    return frozenset(_plain(canonicalize_name(name)) for name in candidates)


@cache
def _installed() -> Mapping[str, list[str]]:
    return packages_distributions()


@cache
def _modules(name: str) -> frozenset[str]:
    """Paths of a package's modules and folders, without their ends."""
    files = [Path(str(file)) for file in distribution(name).files or ()]
    folders = {str(folder) for file in files for folder in file.parents}
    return frozenset(folders | {str(file.with_suffix("")) for file in files})
