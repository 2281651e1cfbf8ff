"""`python -m bench.scale.costs`: processor seconds of a page in each model; writes costs.json.

Models run on one thread, on the first page of samples/application_form.pdf; the figure is the
process's processor time, the least of the rounds, so that other work on the machine does not count.
"""

import importlib
import json
import time
from pathlib import Path
from typing import Any

import pypdfium2

from meshkit.model import PageInput
from orchestrator.config import MODELS

ROOT = Path(__file__).parents[2]
RESULT = Path(__file__).with_name("costs.json")
SAMPLE = ROOT / "samples" / "application_form.pdf"
DPI = 200
_ROUNDS = 3


def rasterise() -> Any:
    """The sample's first page, (h, w, 3) BGR."""
    page = pypdfium2.PdfDocument(SAMPLE)[0]
    return page.render(scale=DPI / 72).to_numpy()


def model_seconds(noun: str, options: dict[str, Any], image: Any) -> float:
    """Processor seconds of one page in a model."""
    service = importlib.import_module(f"servers.{noun}.service")
    config = importlib.import_module(f"servers.{noun}.config")
    knobs = {"intra_op_threads": 1, "device": "cpu"}
    knobs |= {"line_workers": 1} if noun == "ocr" else {}
    model = service.create_model(getattr(config, f"{noun.capitalize()}Config")(**knobs))
    model.load()
    try:
        return least(lambda: model.predict([_page(noun, service.SERVICE, options, image)]))
    finally:
        model.close()


def _page(noun: str, service: Any, options: dict[str, Any], image: Any) -> PageInput[Any]:
    messages = importlib.import_module(f"pagemesh.{noun}.v1.{noun}_service_pb2")
    request = getattr(messages, service.unary.input_type.name)(options=options)
    return PageInput(image, float(DPI), service.parse_options(request.options))


def least(work: Any) -> float:
    """The least processor time of some rounds, in seconds."""
    taken = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return round(min(taken), 3)


def main() -> None:
    """Measure all, print, write."""
    image = rasterise()
    costs = {"orchestrator": least(rasterise)}
    for noun in MODELS:
        costs[noun] = model_seconds(noun, {}, image)
    fast = importlib.import_module("pagemesh.ocr.v1.ocr_service_pb2").OCR_TIER_FAST
    costs["ocr"] = round(costs["ocr"] + model_seconds("ocr", {"tier": fast}, image), 3)
    RESULT.write_text(json.dumps(costs, indent=2) + "\n")
    print(RESULT.read_text(), end="")


if __name__ == "__main__":
    main()
