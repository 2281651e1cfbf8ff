"""`python -m tests.chaos.model PORT SHARE SEED`: fakes, some of OCR's answers damaged."""

import random
import sys

from meshkit.config import ServerConfig
from meshkit.server import run_application
from tests.chaos.garbled import Garble, GarbledMesh


def damaging(share: float, seed: int) -> Garble:
    """Cuts answers off, puts noise in their place, or flips a byte."""
    chance = random.Random(seed)  # noqa: S311 - which answer

    def garble(answer: bytes) -> bytes:
        if chance.random() >= share:
            return answer
        at = chance.randrange(len(answer))
        flipped = answer[:at] + bytes([answer[at] ^ 0xFF]) + answer[at + 1 :]
        return chance.choice([answer[:at], chance.randbytes(200), flipped])

    return garble


if __name__ == "__main__":
    port, share, seed = sys.argv[1:]
    mesh = GarbledMesh(damaging(float(share), int(seed)))
    run_application(mesh, ServerConfig(port=int(port)), name="fake-model")
