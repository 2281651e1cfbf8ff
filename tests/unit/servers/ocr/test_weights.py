import hashlib
import json

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from servers.ocr.ppocr import ALPHABET, DETECTOR, RECOGNISERS, WEIGHTS
from servers.ocr.prepare_weights import SPACE_BONUS, flush_denormals, prune_head


def test_the_committed_weights_are_those_of_the_digests() -> None:
    sums = (WEIGHTS / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    digests = {name: digest for digest, name in (line.split() for line in sums)}
    assert set(digests) == {DETECTOR, ALPHABET, *RECOGNISERS.values()}
    for name, digest in digests.items():
        assert hashlib.sha256((WEIGHTS / name).read_bytes()).hexdigest() == digest


def test_the_alphabet_has_a_text_for_each_class() -> None:
    alphabet = json.loads((WEIGHTS / ALPHABET).read_text(encoding="utf-8"))
    assert alphabet[:2] == ["", " "]
    assert all(alphabet[1:])
    for name in RECOGNISERS.values():
        weights = onnx.load(WEIGHTS / name).graph.initializer
        assert any(tuple(tensor.dims) == (len(alphabet),) for tensor in weights)


def head(classes: int) -> tuple[onnx.ModelProto, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    matrix = generator.normal(size=(4, classes)).astype(np.float32)
    bias = generator.normal(size=classes).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("Add", ["m", "b"], ["a"]),
        helper.make_node("Identity", ["a"], ["i"]),
        helper.make_node("Softmax", ["i"], ["y"], axis=2),
    ]
    graph = helper.make_graph(
        nodes,
        "head",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, "t", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, "t", classes])],
        [numpy_helper.from_array(matrix, "w"), numpy_helper.from_array(bias, "b")],
    )
    opset = [helper.make_opsetid("", 11)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8), matrix, bias


def test_a_pruned_head_answers_with_the_best_of_the_kept_classes() -> None:
    model, matrix, bias = head(9)
    kept = [0, 8, 3, 5]
    prune_head(model, kept)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    steps = np.random.default_rng(2).normal(size=(1, 50, 4)).astype(np.float32)
    ids, probabilities = session.run(None, {"x": steps})

    logits = (steps @ matrix + bias)[0][:, kept]
    logits[:, 1] += SPACE_BONUS
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert ids[0].tolist() == softmax.argmax(axis=1).tolist()
    assert probabilities[0] == pytest.approx(softmax.max(axis=1), abs=1e-5)


def test_denormals_become_zero_and_nothing_else_changes() -> None:
    model, _, _ = head(3)
    values = np.array([1e-40, -1e-30, 1e-20, 0.5, 0.0], np.float32)
    model.graph.initializer.append(numpy_helper.from_array(values, "more"))
    assert flush_denormals(model) == 2
    flushed = numpy_helper.to_array(model.graph.initializer[-1])
    assert flushed.tolist() == [0.0, 0.0, *values[2:].tolist()]
