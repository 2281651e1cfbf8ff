"""Make `lexicons/english.txt` from the published wheel: `python -m servers.ocr.prepare_lexicon`.

A developer's tool; the server never runs it. The list is SymSpell's: the words of SCOWL with their
counts in Google Books. The other lists are written by hand.
"""

import argparse
import tempfile
from pathlib import Path

from servers.ocr.lexicon import FOLDER
from servers.ocr.wheels import Source, download, read

ENGLISH = Source(
    "symspellpy==6.10.1",
    "symspellpy/frequency_dictionary_en_82_765.txt",
    "68e9dc81c7e73bd7310b57e516ecaea0d8b6387ff71344a57c04174650a407a7",
    "english.txt",
)
LICENCE = Source(
    "symspellpy==6.10.1",
    "symspellpy-6.10.1.dist-info/licenses/LICENSE",
    "cb11dce3d89390a12d5ec21866f380d5da1888e36052ef36cced89e0277c264a",
    "LICENSE.txt",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--wheels", type=Path, help="folder of wheels; downloaded when omitted")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        wheels = arguments.wheels or download(Path(scratch), [ENGLISH])
        words = read(wheels, ENGLISH).decode("utf-8-sig").splitlines()
        (arguments.out / ENGLISH.target).write_text("\n".join(words) + "\n", encoding="utf-8")
        (arguments.out / LICENCE.target).write_bytes(read(wheels, LICENCE))


if __name__ == "__main__":
    main()
