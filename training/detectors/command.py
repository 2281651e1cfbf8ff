"""The command line that both training scripts share."""

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch

from training.detectors.faces import Faces, find_faces


@dataclass(frozen=True, slots=True)
class Command:
    """What the command line asks for.

    Attributes:
        data: folder of the labelled sets.
        faces: fonts found.
        out: the ONNX file to write.
        steps, minutes: when to stop, whichever comes first.
        seed: of everything random.
        state: file of the network's state to go on from when it is there, and to write at the end.
        resume: an ONNX file of the same network to go on from, when there is no state.
        calibrate_only: leave the network in `out` as it is but for its calibration.
    """

    data: Path
    faces: Faces
    out: Path
    steps: int
    minutes: float
    seed: int
    state: Path | None
    resume: Path | None
    calibrate_only: bool


def read_command(description: str | None, *, steps: int, seed: int) -> Command:
    """Parse the command line and set the threads. Exits on mistakes and when fonts are missing."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled sets")
    parser.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    parser.add_argument("--fonts", type=Path, action="append", default=[Path("/usr/share/fonts")])
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop earlier")
    parser.add_argument("--seed", type=int, default=seed)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--state", type=Path, help="file to go on from, and to keep the state in")
    parser.add_argument("--resume", type=Path, help="ONNX file of the same network to go on from")
    parser.add_argument(
        "--calibrate-only", action="store_true", help="only calibrate the network in --out"
    )
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    return Command(
        arguments.data,
        find_faces(arguments.fonts),
        arguments.out,
        arguments.steps,
        arguments.minutes,
        arguments.seed,
        arguments.state,
        arguments.resume,
        arguments.calibrate_only,
    )
