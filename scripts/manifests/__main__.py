"""`python -m scripts.manifests OVERLAY...`: build overlays and print what is wrong with them."""

import sys
from pathlib import Path

from infra.downloads import ServiceError
from scripts.manifests import problems
from scripts.manifests.objects import Objects, build


def main() -> int:
    """Exits 1 when anything is wrong."""
    found = 0
    for folder in map(Path, sys.argv[1:]):
        try:
            objects = Objects(build(folder))
        except ServiceError as error:
            print(f"{folder}: {error}", file=sys.stderr)
            return 1
        wrong = problems(objects)
        print(f"{folder}: {len(objects.all)} objects, {len(wrong)} problems")
        print(*(f"  {line}" for line in wrong), sep="\n", end="\n" if wrong else "")
        found += len(wrong)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
