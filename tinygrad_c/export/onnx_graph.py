"""An ONNX graph as it is written: constants, each once, and operations."""

from __future__ import annotations

from typing import Any

import numpy as np

OPSET, ML_OPSET, IR = 18, 3, 9  # onnxruntime 1.14 and later


class Graph:
    """`op` adds an operation and gives the name of its result; `made` gives the file's bytes, checked.

    ImportError where the package onnx is not there.
    """

    def __init__(self) -> None:
        try:
            import onnx
            from onnx import helper
        except ImportError as error:
            raise ImportError(f"ONNX files need the package onnx ({error}): pip install 'tinygrad_c[export]'") from None
        self.onnx, self.helper = onnx, helper
        self.nodes: list[Any] = []
        self.constants: dict[Any, str] = {}
        self.initializers: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self.count = 0

    def constant(self, values: Any, dtype: Any = np.float64) -> str:
        array = np.asarray(values, dtype=dtype)
        key = (array.dtype.str, array.shape, array.tobytes() if array.dtype != object else tuple(array.ravel()))
        if key not in self.constants:
            name = f"c{len(self.constants)}"
            if array.dtype == object:
                tensor = self.helper.make_tensor(
                    name, self.onnx.TensorProto.STRING, array.shape, [str(v).encode() for v in array.ravel()]
                )
            else:
                tensor = self.onnx.numpy_helper.from_array(array, name)
            self.initializers.append(tensor)
            self.constants[key] = name
        return self.constants[key]

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        self.count += 1
        name = f"v{self.count}"
        self.nodes.append(self.helper.make_node(kind, list(inputs), [name], domain=domain, **attributes))
        return name

    def cast(self, value: str, kind: str) -> str:
        return self.op("Cast", value, to=getattr(self.onnx.TensorProto, kind))

    def input(self, name: str, kind: str, shape: list[Any]) -> None:
        """kind: FLOAT, DOUBLE, INT64 or STRING."""
        self.inputs.append(self.helper.make_tensor_value_info(name, getattr(self.onnx.TensorProto, kind), shape))

    def output(self, value: str, name: str, kind: str, shape: list[Any]) -> None:
        self.nodes.append(self.helper.make_node("Identity", [value], [name]))
        self.outputs.append(self.helper.make_tensor_value_info(name, getattr(self.onnx.TensorProto, kind), shape))

    def made(self) -> bytes:
        graph = self.helper.make_graph(self.nodes, "tinygrad_c", self.inputs, self.outputs, self.initializers)
        made = self.helper.make_model(
            graph,
            producer_name="tinygrad_c",
            ir_version=IR,
            opset_imports=[self.helper.make_opsetid("", OPSET), self.helper.make_opsetid("ai.onnx.ml", ML_OPSET)],
        )
        self.onnx.checker.check_model(made)
        return made.SerializeToString()
