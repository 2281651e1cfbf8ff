import hashlib

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from servers.ocr.alphabet import CHARACTERS
from servers.ocr.plans import FILES, PLANS
from servers.ocr.ppocr import WEIGHTS
from servers.ocr.prepare_weights import BEST, flush_denormals, open_head


def test_the_committed_weights_are_those_of_the_digests() -> None:
    sums = (WEIGHTS / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    digests = {name: digest for digest, name in (line.split() for line in sums)}
    assert set(digests) == set(FILES)
    plans = [(plan.detector, plan.first, plan.second) for plan in PLANS.values()]
    assert {name for plan in plans for name in plan} == set(FILES)
    for name, digest in digests.items():
        assert hashlib.sha256((WEIGHTS / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("rec")])
def test_a_recogniser_has_a_character_for_each_class(name: str) -> None:
    model = onnx.load(WEIGHTS / name)
    (pair,) = model.metadata_props
    characters = pair.value.split("\n")
    assert (pair.key, characters[-1]) == (CHARACTERS, " ")
    assert all(characters)
    classes = len(characters) + 1
    assert any(tuple(tensor.dims) == (classes,) for tensor in model.graph.initializer)


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


def test_an_open_head_answers_with_the_best_of_the_classes_that_a_run_names() -> None:
    model, matrix, bias = head(BEST + 4)
    open_head(model)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    steps = np.random.default_rng(2).normal(size=(1, 50, 4)).astype(np.float32)
    many = list(range(BEST + 4))
    for classes, bonus in (([0, 8, 3, 5], [0.0, 1.5, 0.0, -1.0]), (many, [0.5] * len(many))):
        inputs = {"classes": np.array(classes, np.int64), "bonus": np.array(bonus, np.float32)}
        ids, probabilities = session.run(None, {"x": steps, **inputs})
        logits = (steps @ matrix + bias)[0][:, classes] + bonus
        softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        best = np.argsort(-softmax, axis=1)[:, :BEST]
        assert ids[0].tolist() == best.tolist()
        told = np.take_along_axis(softmax, best, axis=1)
        assert probabilities[0] == pytest.approx(told, abs=1e-5)


def test_denormals_become_zero_and_nothing_else_changes() -> None:
    model, _, _ = head(3)
    values = np.array([1e-40, -1e-30, 1e-20, 0.5, 0.0], np.float32)
    model.graph.initializer.append(numpy_helper.from_array(values, "more"))
    assert flush_denormals(model) == 2
    flushed = numpy_helper.to_array(model.graph.initializer[-1])
    assert flushed.tolist() == [0.0, 0.0, *values[2:].tolist()]
