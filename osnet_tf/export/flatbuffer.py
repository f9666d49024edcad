"""Reading and rewriting the graph of a `.tflite` file."""

from collections import defaultdict

import numpy as np

_DTYPES = {0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 9: "int8"}


class LiteRTModel:
    """The graph of a `.tflite` file, to be looked at and changed.

    A thin layer over LiteRT's own flatbuffer classes: `operators` and `tensors` are theirs, and a
    tensor is named by its number, which is also its number in an interpreter.

    Args:
        content: bytes of a `.tflite` file of one subgraph.

    Attributes:
        operators: list of operators in the order in which they run.
        tensors: list of tensors.
    """

    def __init__(self, content):
        from ai_edge_litert import schema_py_generated as schema
        from ai_edge_litert.tools import flatbuffer_utils

        self.schema = schema
        self._tools = flatbuffer_utils
        self._model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
        self._graph = self._model.subgraphs[0]
        self._kinds = {
            number: name
            for name, number in vars(schema.BuiltinOperator).items()
            if isinstance(number, int)
        }

    @property
    def operators(self):
        return self._graph.operators

    @operators.setter
    def operators(self, operators):
        self._graph.operators = operators

    @property
    def tensors(self):
        return self._graph.tensors

    @property
    def input(self):
        """The number of the only input."""
        (number,) = self._graph.inputs
        return int(number)

    @input.setter
    def input(self, tensor):
        self.tensors[tensor].name = self.tensors[self.input].name
        for signature in self._model.signatureDefs or ():
            signature.inputs[0].tensorIndex = tensor
        self._graph.inputs = np.array([tensor], "int32")

    @property
    def output(self):
        """The number of the only output."""
        (number,) = self._graph.outputs
        return int(number)

    def content(self):
        """The bytes of the `.tflite` file."""
        return bytes(self._tools.convert_object_to_bytearray(self._model))

    def kind(self, operator):
        """An operator's name, such as "CONV_2D"."""
        code = self._model.operatorCodes[operator.opcodeIndex]
        return self._kinds[max(code.builtinCode, code.deprecatedBuiltinCode)]

    def kinds(self):
        """The names of all operators, in their order."""
        return [self.kind(operator) for operator in self.operators]

    def shape(self, tensor):
        return tuple(int(n) for n in self.tensors[tensor].shape)

    def activations(self):
        """Numbers of the tensors that depend on the input, the input first."""
        return [self.input, *(int(t) for operator in self.operators for t in operator.outputs)]

    def set_shape(self, tensor, shape):
        """Gives a tensor of as many values another shape."""
        self.tensors[tensor].shape = np.array(shape, "int32")
        self.tensors[tensor].shapeSignature = None

    def producers(self):
        """Dict from tensor number to the operator that computes it."""
        return {int(tensor): operator for operator in self.operators for tensor in operator.outputs}

    def rewire(self, old, new):
        """Lets all that read one tensor read another."""
        for operator in self.operators:
            operator.inputs = np.array([new if int(t) == old else t for t in operator.inputs], "i4")

    def consumers(self):
        """Dict from tensor number to the operators that read it."""
        readers = defaultdict(list)
        for operator in self.operators:
            for tensor in operator.inputs:
                readers[int(tensor)].append(operator)
        return readers

    def constant(self, tensor):
        """The values of a constant, or None if the tensor is none."""
        tensor = self.tensors[tensor]
        data = self._model.buffers[tensor.buffer].data
        if data is None or not len(data):
            return None
        return np.frombuffer(bytes(data), _DTYPES[tensor.type]).reshape(tensor.shape)

    def values(self, tensor):
        """As `constant`; of one that the file holds in 16 bits, through its DEQUANTIZE too."""
        return None if tensor < 0 else self.constant(self._stored(tensor)[-1])

    def reshape_constant(self, tensor, shape):
        """Gives a constant another shape, for all operators that read it."""
        for number in self._stored(tensor):
            self.set_shape(number, shape)

    def _stored(self, tensor):
        """The tensor, and the one that it is dequantised from, if it is."""
        above = self.producers().get(tensor)
        if above is not None and self.kind(above) == "DEQUANTIZE":
            return [tensor, int(above.inputs[0])]
        return [tensor]

    def add_tensor(self, name, shape):
        """A float32 tensor for what an operator computes; returns its number."""
        tensor = self.schema.TensorT()
        tensor.name = name.encode()
        tensor.type = self.schema.TensorType.FLOAT32
        tensor.shape = np.array(shape, "int32")
        tensor.buffer = 0
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def add_constant(self, name, values):
        """A constant, float32 or, of int32 values, int32; returns its number."""
        number = self.add_tensor(name, np.shape(values))
        integers = getattr(values, "dtype", None) == np.int32
        if integers:
            self.tensors[number].type = self.schema.TensorType.INT32
        self.tensors[number].buffer = self._add_buffer(
            np.ascontiguousarray(values, "<i4" if integers else "<f4").tobytes()
        )
        return number

    def replace_input(self, operator, position, values):
        """Gives an operator another constant, for itself alone: equal constants are shared.

        An input that was left out (-1, as a bias of zeros is) is put in.
        """
        inputs = np.array(operator.inputs, "int32")
        old = "constant" if inputs[position] < 0 else self.tensors[inputs[position]].name.decode()
        inputs[position] = self.add_constant(old, values)
        operator.inputs = inputs

    def operator(self, name, inputs, outputs, options_class=None, **options):
        """A new operator, not yet in the graph.

        Args:
            name: Such as "CONCATENATION".
            inputs, outputs: Tensor numbers.
            options_class: Name of its options in the schema, such as "ConcatenationOptions"; None
                where it has none.
            **options: Their values.
        """
        operator = self.schema.OperatorT()
        operator.opcodeIndex = self._operator_code(name)
        operator.inputs = np.array(inputs, "int32")
        operator.outputs = np.array(outputs, "int32")
        if options_class is not None:
            operator.builtinOptionsType = getattr(self.schema.BuiltinOptions, options_class)
            operator.builtinOptions = getattr(self.schema, options_class + "T")()
        for key, value in options.items():
            setattr(operator.builtinOptions, key, value)
        return operator

    def set_range(self, tensor, low, high):
        """The range of values that quantisation is to cover."""
        quantization = self.schema.QuantizationParametersT()
        quantization.min = np.array([low], "float32")
        quantization.max = np.array([high], "float32")
        self.tensors[tensor].quantization = quantization

    def metadata(self, name):
        """The bytes stored under a name, or None."""
        for entry in self._model.metadata or ():
            if entry.name == name.encode():
                return bytes(self._model.buffers[entry.buffer].data)
        return None

    def set_metadata(self, name, content):
        """Stores bytes under a new name."""
        entry = self.schema.MetadataT()
        entry.name = name.encode()
        entry.buffer = self._add_buffer(content)
        self._model.metadata = [*(self._model.metadata or ()), entry]

    def _add_buffer(self, content):
        buffer = self.schema.BufferT()
        buffer.data = np.frombuffer(content, "uint8")
        self._model.buffers.append(buffer)
        return len(self._model.buffers) - 1

    def _operator_code(self, name):
        number = getattr(self.schema.BuiltinOperator, name)
        for index, code in enumerate(self._model.operatorCodes):
            if max(code.builtinCode, code.deprecatedBuiltinCode) == number:
                return index
        code = self.schema.OperatorCodeT()
        code.builtinCode = number
        code.deprecatedBuiltinCode = min(number, 127)  # what readers before 2020 look at
        code.version = 1
        self._model.operatorCodes.append(code)
        return len(self._model.operatorCodes) - 1
