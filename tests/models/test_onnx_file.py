"""A model's numbers lie in the one file its card vouches for, or it is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from models.card import SHIPPED, ModelError, card_path, read_card, sha256_of
from models.onnx_file import must_be_whole
from models.runtime import load
from training.export import write_card


def external() -> TensorProto:
    tensor = numpy_helper.from_array(np.zeros(3, np.float32), "away")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    return tensor


def model_with(*nodes: onnx.NodeProto, initializers: tuple[TensorProto, ...] = ()) -> onnx.ModelProto:
    return helper.make_model(helper.make_graph(nodes, "g", [], [], initializers))


def hidden_in(place: str) -> bytes:
    """A model with one external tensor, in each place the format has."""
    tensor = external()
    graph = helper.make_graph([], "inner", [], [], [tensor])
    sparse = onnx.SparseTensorProto(values=tensor, dims=[3])
    if place == "initializer":
        return bytes(model_with(initializers=(tensor,)).SerializeToString())
    if place == "sparse initializer":
        model = model_with()
        model.graph.sparse_initializer.append(sparse)
        return bytes(model.SerializeToString())
    if place == "function":
        model = model_with()
        node = helper.make_node("Constant", [], ["c"], value=tensor)
        model.functions.append(
            helper.make_function("d", "f", [], ["c"], [node], [helper.make_opsetid("", 17)])
        )
        return bytes(model.SerializeToString())
    node = helper.make_node("If", ["x"], ["y"])
    attribute = onnx.AttributeProto(name="a")
    {"constant": lambda: attribute.t.CopyFrom(tensor), "constants": lambda: attribute.tensors.append(tensor),
     "branch": lambda: attribute.g.CopyFrom(graph), "branches": lambda: attribute.graphs.append(graph),
     "sparse constant": lambda: attribute.sparse_tensor.CopyFrom(sparse)}[place]()  # fmt: skip
    node.attribute.append(attribute)
    return bytes(model_with(node).SerializeToString())


@pytest.mark.parametrize(
    "place", ["initializer", "sparse initializer", "function", "constant", "constants", "branch", "branches",
              "sparse constant"],
)  # fmt: skip
def test_weights_in_another_file_are_found_wherever_they_are_named(place: str) -> None:
    """In the graph, a branch of it, a constant or a function."""
    with pytest.raises(ModelError, match="keeps weights in another file"):
        must_be_whole(hidden_in(place))


def test_the_shipped_model_is_whole() -> None:
    """Nothing of it lies elsewhere."""
    must_be_whole(SHIPPED.read_bytes())


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_a_model_with_weights_elsewhere_is_not_loaded(model_file: Path, tmp_path: Path, runtime: str) -> None:
    """Though its card has the right sha256 of the file, and the other file is there."""
    path = tmp_path / "split.onnx"
    shutil.copy(card_path(model_file), card_path(path))
    onnx.save(
        onnx.load(model_file), path, save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    assert (tmp_path / "weights.bin").stat().st_size > 1_000_000
    write_card(replace(read_card(path), sha256=sha256_of(path)), path)
    with pytest.raises(ModelError, match=r"split\.onnx: it keeps weights in another file.*export it again"):
        load(path, runtime=runtime, device="cpu", threads=1)  # type: ignore[arg-type]


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=200) | st.binary(max_size=20).map(lambda b: model_with().SerializeToString() + b)
)
def test_any_bytes_are_whole_or_refused(data: bytes) -> None:
    """No crash, no hang."""
    refused = ""
    try:
        must_be_whole(data)
    except ModelError as error:
        refused = str(error)
    assert "\n" not in refused
