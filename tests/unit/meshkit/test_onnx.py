"""ONNX Runtime sessions."""

import concurrent.futures
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from meshkit.model import digest_of
from meshkit.onnx import cuda_is_there, open_session


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """y = x + 1, with a pair of metadata."""
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])
    graph = helper.make_graph([helper.make_node("Add", ["x", "one"], ["y"])], "g", [x], [y], [one])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"labels": "a,b"})
    path = tmp_path / "network.onnx"
    onnx.save(model, path)
    return path


def test_a_session_runs_and_says_where(network: Path, capfd: pytest.CaptureFixture[str]) -> None:
    session = open_session(network)
    (y,) = session.run({"x": np.array([1, 2], np.float32)})
    assert y.tolist() == [2, 3]
    assert session.device == ("cuda:0" if cuda_is_there() else "cpu")
    assert (session.input_names, session.output_names) == (["x"], ["y"])
    assert session.input_types == ["tensor(float)"]
    assert session.metadata == {"labels": "a,b"}
    assert capfd.readouterr().err == ""


def test_a_bound_session_keeps_its_constants(tmp_path: Path) -> None:
    names = ("x", "z", "y")
    x, z, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in names)
    graph = helper.make_graph([helper.make_node("Add", ["x", "z"], ["y"])], "g", [x, z], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "sum.onnx")
    run = open_session(tmp_path / "sum.onnx").bind({"z": np.array([10, 20], np.float32)})
    for values in ([1, 2], [3, 4]):
        (total,) = run({"x": np.array(values, np.float32)})
        assert total.tolist() == [values[0] + 10, values[1] + 20]


def test_sessions_that_share_an_arena_answer_as_others_do(network: Path) -> None:
    x = np.arange(100_000, dtype=np.float32)
    for _ in range(2):
        session = open_session(network, device="cpu", shared_arena=True)
        for give_back in (False, True):
            assert np.array_equal(session.run({"x": x}, give_back=give_back)[0], x + 1)


def test_the_cpu_can_be_insisted_on(network: Path) -> None:
    assert open_session(network, device="cpu", intra_op_threads=1).device == "cpu"


@pytest.mark.skipif(cuda_is_there(), reason="CUDA is there")
def test_cuda_that_is_not_there_is_an_error_only_when_it_was_insisted_on(network: Path) -> None:
    assert open_session(network, device="auto").device == "cpu"
    with pytest.raises(RuntimeError, match="CUDA was asked for"):
        open_session(network, device="cuda")


@pytest.mark.skipif(not cuda_is_there(), reason="no CUDA here")
def test_cuda_that_is_there_is_taken(network: Path) -> None:
    assert open_session(network, device="cuda").device == "cuda:0"


def test_several_threads_may_run_one_session(network: Path) -> None:
    session = open_session(network)
    inputs = [np.full(1000, n, np.float32) for n in range(20)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        outputs = list(pool.map(lambda x: session.run({"x": x})[0], inputs))
    assert all((y == n + 1).all() for n, y in enumerate(outputs))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.onnx"):
        open_session(tmp_path / "none.onnx")


def test_a_digest_is_over_the_bytes_in_order(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(b"a")
    b.write_bytes(b"b")
    assert digest_of([a]) == (
        "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    )
    assert digest_of([a, b]) != digest_of([b, a])
