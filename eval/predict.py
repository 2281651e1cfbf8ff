"""What the product says of every file of a folder: `python eval/predict.py --data SET --out FILE`.

The same as `python -m eval.predict`; `eval.prediction` tells what is written.
"""

import sys
from pathlib import Path


def main() -> None:
    """Run as a file, the folder to import from is the repository's, not this one."""
    if not __package__:
        sys.path[0] = str(Path(__file__).resolve().parents[1])
    from eval.prediction import main as predict  # noqa: PLC0415 - the path comes first

    predict()


if __name__ == "__main__":
    main()
