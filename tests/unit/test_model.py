"""Reading models: fields against the ``tflite`` package's reader, and what is said of damage."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import InputError
from lab.flatbuffer import MAX_DEPTH, Flatbuffer, FlatbufferError, Table
from lab.graph import Model, shorten
from lab.model import MAX_FILE_BYTES, read_model
from lab.model_writer import DTYPES, Graph, Op, T, build, one_op, quantized
from lab.tflite_schema import BUILTIN_OPERATORS, OPTION_FIELDS, OPTION_TABLES, TENSOR_TYPES
from lab.zoo import catalogue

RELU = [Op("RELU", [0], [1])]


def _names(constants: object) -> dict[str, int]:
    return {name: value for name, value in vars(constants).items() if name[0] != "_"}


def _refusal(source: bytes | Path) -> list[str]:
    name = "m.tflite" if isinstance(source, bytes) else ""
    with pytest.raises(InputError) as raised:
        read_model(source, name)
    assert raised.value.exit_code == 3
    return raised.value.lines()


def _relu(first: T) -> bytes:
    return build(Graph([first, T([4])], RELU, [0], [1]))


def test_names_are_the_schemas() -> None:
    assert _names(tflite.BuiltinOperator) == {n: i for i, n in enumerate(BUILTIN_OPERATORS)}
    assert _names(tflite.BuiltinOptions) == {n: i for i, n in enumerate(OPTION_TABLES)}
    types = {kind.name.upper(): number for number, kind in enumerate(TENSOR_TYPES)}
    assert _names(tflite.TensorType) == types


def test_sizes_of_types() -> None:
    sizes = {kind.name: kind.bits for kind in TENSOR_TYPES}
    for name, dtype in DTYPES.items():
        assert sizes[name] == 8 * np.dtype(dtype).itemsize


_WRITERS = {  # our name of an option field -> the schema's, where they differ by more than case
    "activation": "FusedActivationFunction", "dilation_w": "DilationWFactor",
    "dilation_h": "DilationHFactor", "filter_w": "FilterWidth", "filter_h": "FilterHeight",
}  # fmt: skip


@pytest.mark.parametrize("table", OPTION_FIELDS)
def test_options_are_read_from_where_they_are_written(table: str) -> None:
    values: dict[str, Any] = {
        "b": 1, "i": 7, "f": 0.5, "?": True, "i*": [3, -1, 4],
    }  # fmt: skip
    fields = OPTION_FIELDS[table]
    wanted = {field.name: values[field.code] for field in fields}
    written = {
        _WRITERS.get(name, "".join(part.title() for part in name.split("_"))): value
        for name, value in wanted.items()
    }
    for chosen in [*([name] for name in written), list(written)]:
        some = {name: written[name] for name in chosen}
        model = read_model(one_op("ABS", [T([4])], [T([4])], table, some))
        options = model.operators[0].options
        assert model.operators[0].options_table == table
        for field, name in zip(fields, written, strict=True):
            default = () if field.code == "i*" else field.default
            value = wanted[field.name]
            value = tuple(value) if isinstance(value, list) else value
            assert options[field.name] == (value if name in chosen else default)


def _same(mine: Model, data: bytes) -> None:
    """Compare with the reader that the schema compiler generated."""
    other = tflite.Model.GetRootAs(data)
    graph = other.Subgraphs(0)
    assert mine.description == (other.Description() or b"").decode()
    assert (len(mine.tensors), len(mine.operators)) == (
        graph.TensorsLength(), graph.OperatorsLength(),
    )  # fmt: skip
    assert mine.inputs == tuple(graph.Inputs(i) for i in range(graph.InputsLength()))
    assert mine.outputs == tuple(graph.Outputs(i) for i in range(graph.OutputsLength()))
    for tensor in mine.tensors:
        peer = graph.Tensors(tensor.index)
        assert tensor.name == peer.Name().decode()
        assert tensor.shape == tuple(peer.Shape(i) for i in range(peer.ShapeLength()))
        assert TENSOR_TYPES[peer.Type()].name == tensor.type
        assert (tensor.buffer, tensor.is_variable) == (peer.Buffer(), peer.IsVariable())
        buffer = other.Buffers(peer.Buffer())
        held = buffer.DataAsNumpy().tobytes() if buffer.DataLength() else b""
        assert bytes(mine.tensor_bytes(tensor)) == held
        quantization = peer.Quantization()
        scales = (
            [quantization.Scale(i) for i in range(quantization.ScaleLength())]
            if quantization
            else []
        )
        assert list(tensor.scales) == scales
    for operator in mine.operators:
        step = graph.Operators(operator.index)
        code = other.OperatorCodes(step.OpcodeIndex())
        assert operator.inputs == tuple(step.Inputs(i) for i in range(step.InputsLength()))
        assert operator.outputs == tuple(step.Outputs(i) for i in range(step.OutputsLength()))
        assert (operator.code.code, operator.code.version) == (
            max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), code.Version(),
        )  # fmt: skip


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.name)
def test_zoo_models_read_as_by_the_generated_reader(entry: object) -> None:
    path: Path = entry.path  # type: ignore[attr-defined]  # a record of the zoo
    model = read_model(path)
    _same(model, path.read_bytes())
    assert (model.name, model.size) == (path.name, path.stat().st_size)
    assert model.sha256 == entry.sha256  # type: ignore[attr-defined]


_SHAPES = st.lists(st.integers(1, 6), min_size=1, max_size=5)


@given(
    shape=_SHAPES,
    kind=st.sampled_from(sorted(DTYPES)),
    scale=st.floats(2.0**-100, 2.0**100, width=32),
    zero_point=st.integers(0, 127),
    name=st.text(max_size=20),
    variable=st.booleans(),
    constant=st.booleans(),
)
def test_tensors_read_as_built(
    shape: list[int], kind: str, scale: float, zero_point: int, name: str, variable: bool,
    constant: bool,
) -> None:  # fmt: skip
    size = int(np.prod(shape)) * np.dtype(DTYPES[kind]).itemsize
    data = bytes(range(256)) * (size // 256 + 1)
    tensor = T(shape, kind, data[:size] if constant else None, scale, zero_point, name=name,
               variable=variable)  # fmt: skip
    model = read_model(_relu(tensor))
    read = model.tensors[0]
    assert (read.shape, read.type, read.size) == (tuple(shape), kind, size)
    assert (read.scales, read.zero_points) == ((scale,), (zero_point,))
    assert (read.is_variable, read.is_constant) == (variable, constant)
    assert bytes(model.tensor_bytes(read)) == (data[:size] if constant else b"")
    assert read.name.isprintable()
    if name.isprintable():
        assert read.name == name


def test_macs_by_hand() -> None:
    def macs(model: bytes) -> int | None:
        read = read_model(model)
        return read.macs(read.operators[0])

    def weights(*shape: int) -> T:
        return T(shape, "int8", np.zeros(shape), 0.1)

    conv = [quantized([1, 8, 8, 4]), weights(6, 3, 5, 4)]
    assert macs(one_op("CONV_2D", conv, [quantized([1, 4, 2, 6])])) == 4 * 2 * 6 * 3 * 5 * 4
    depthwise = [quantized([1, 8, 8, 4]), weights(1, 3, 5, 4)]
    assert macs(one_op("DEPTHWISE_CONV_2D", depthwise, [quantized([1, 8, 8, 4])])) == 256 * 15
    dense = [quantized([2, 12]), weights(5, 12)]
    assert macs(one_op("FULLY_CONNECTED", dense, [quantized([2, 5])])) == 2 * 5 * 12
    assert macs(one_op("RELU", [T([4])], [T([4])])) is None
    assert macs(one_op("CONV_2D", [T([4])], [T([4])])) is None


def test_a_scalar_and_a_missing_shape_have_one_element() -> None:
    shapes: tuple[list[int] | None, ...] = ([], None)
    for shape in shapes:
        tensor = read_model(_relu(T(shape))).tensors[0]
        assert (tensor.shape, tensor.elements, tensor.size) == ((), 1, 4)


def test_code_beyond_the_old_field() -> None:
    (code,) = read_model(one_op("GELU", [T([4])], [T([4])])).operator_codes
    assert (code.name, code.code, code.old_code) == ("GELU", 150, 127)
    (code,) = read_model(one_op("GELU", [T([4])], [T([4])], codes=(127, 999))).operator_codes
    assert code.name == "BUILTIN_999"


def test_custom_operators_keep_their_name() -> None:
    model = read_model(
        one_op("X", [T([4])], [T([4])], custom_code="Flex\nPow", custom_options=b"x")
    )
    (operator,) = model.operators
    assert (operator.name, operator.code.name) == ("Flex\\nPow", "CUSTOM")
    assert operator.has_custom_options


def test_several_subgraphs_are_read() -> None:
    graph = Graph([T([4]), T([4])], RELU, [0], [1])
    model = read_model(build(graph, Graph([T([2])], [], [0], [0], name="body")))
    assert [one.name for one in model.subgraphs] == ["main", "body"]
    assert len(model.tensors) == 2


def test_weights_smaller_than_their_shape() -> None:
    tensors = [T([4]), T([8, 4], "int32", [1, 2, 3], name="conv/weights"), T([4])]
    model = build(Graph(tensors, [Op("ADD", [0, 1], [2])], [0], [2]))
    assert _refusal(model) == [
        'm.tflite: tensor 1 "conv/weights": shape needs 128 B but its buffer 1 holds 12 B '
        "(hint: shape and weights do not match)"
    ]


def test_all_damaged_tensors_are_told() -> None:
    tensors = [T([-3], name="a"), T([4], "int8", scale=0.0, name="b"), T([4], buffer=9, name="c")]
    lines = _refusal(build(Graph(tensors, [], [0], [2])))
    assert [line.split(":")[1] for line in lines] == [
        ' tensor 0 "a"', ' tensor 1 "b"', ' tensor 2 "c"',
    ]  # fmt: skip


def test_very_many_problems_are_counted() -> None:
    lines = _refusal(build(Graph([T([4], buffer=9)] * 100, [], [0], [0])))
    assert len(lines) == 21
    assert lines[-1] == "m.tflite: and 80 more problems"


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (_relu(T([65536, 65536])), "needs 17,179,869,184 B"),
        (_relu(T([4], "int8", scale=float("nan"))), "quantization scale nan"),
        (_relu(T([4], "int8", scale=-1.0)), "quantization scale -1.0"),
        (_relu(T([4], "int8", scale=[1.0] * 3)), "3 scales for 4 channels"),
        (_relu(T([4], "int8", scale=[1.0] * 4, dim=2)), "along dimension 2 of 1"),
        (_relu(T([4], "int8", scale=[1.0] * 4, zero_point=[0])), "4 scales but 1 zero points"),
        (_relu(T([4], "int8", scale=1.0, zero_point=128)), "zero point 128 is outside"),
        (build(Graph([T([4])] * 2, RELU, [0], [7])), "output 0 is tensor 7 of 2"),
        (build(Graph([T([4])] * 2, RELU, [-1], [1])), "leaves out a required input"),
        (build(Graph([T([4])] * 2, [Op("RELU", [9], [1])], [0], [1])),
         "operator 0 RELU: input 0 is tensor 9 of 2"),
        (build(Graph([T([4])] * 2, [Op("RELU", [-1], [1])], [0], [1])),
         "operator 0 RELU: leaves out a required input"),
        (build(Graph([T([4])] * 2, [Op("RELU", [0], [1], code_index=3)], [0], [1])),
         "operator 0: uses operator code 3 of 0"),
        (build(Graph([T([4])] * 2, RELU, [0], [1]), version=4), "schema version: is 4, not 3"),
        (build(Graph([T([4])] * 2, RELU, [0], [1]), identifier=b"TFL9"),
         "file identifier: is 'TFL9', not 'TFL3'"),
        (build(), "subgraphs: are none"),
    ],
)  # fmt: skip
def test_what_is_said_of_damage(model: bytes, says: str) -> None:
    (line,) = _refusal(model)
    assert says in line


def test_names_from_the_file_cannot_act_on_the_terminal() -> None:
    (line,) = _refusal(_relu(T([-3], name="\x1b[2J" + "x" * 500)))
    assert line.startswith('m.tflite: tensor 0 "\\x1b[2Jxxx')
    assert len(line) < 160


def test_shorten() -> None:
    assert shorten("conv") == "conv"
    assert shorten("a\u202eb") == "a\\u202eb"
    assert len(shorten("x" * 99)) == 60


@pytest.mark.parametrize(
    ("start", "says"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04", "zip archive"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"\x7fELF", "ELF image"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"unsigned char model[] = {", "C array"),
    ],
)
def test_files_that_are_something_else(start: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(start)
    (line,) = _refusal(path)
    assert line.startswith(f"{path}: ")
    assert says in line


def test_what_is_no_file(tmp_path: Path) -> None:
    assert "No such file" in _refusal(tmp_path / "none.tflite")[0]
    assert "is a directory" in _refusal(tmp_path)[0]
    assert "not a regular file" in _refusal(Path("/dev/null"))[0]
    assert "cannot be read" in _refusal(Path("nul\0"))[0]


def test_too_large_a_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.tflite"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    assert "more than the 67,108,864 B" in _refusal(path)[0]


def test_reading_needs_no_schema_package() -> None:
    code = (
        "import sys; from lab.model import read_model; "
        "print({'tflite', 'flatbuffers', 'numpy', 'tensorflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def _nested(levels: int) -> bytes:
    """Tables that each hold the next one in slot 0."""
    vtable = struct.pack("<HHH", 6, 8, 4) + b"\0\0"
    body = b""
    for level in range(levels):
        # soffset to the vtable at 8, then the offset to the next table, which follows.
        body += struct.pack("<iI", 16 + 8 * level - 8, 4)
    return struct.pack("<I", 16) + b"TFL3" + vtable + body + struct.pack("<iI", 8 + 8 * levels, 4)


def test_nesting_is_limited() -> None:
    table: Table | None = Flatbuffer(_nested(200)).root(b"TFL3")
    for _ in range(MAX_DEPTH):
        assert table is not None
        table = table.table(0, "next")
    assert table is not None
    with pytest.raises(FlatbufferError, match=f"deeper than {MAX_DEPTH}"):
        table.table(0, "next")


def test_a_vector_of_too_many_tables_is_not_even_begun() -> None:
    data = bytearray(build(Graph([T([4]), T([4])], RELU, [0], [1])))
    table = tflite.Model.GetRootAs(bytes(data))._tab
    place = table.Pos + table.Offset(12)
    data += bytes(-len(data) % 4)
    struct.pack_into("<I", data, place, len(data) - place)
    data += struct.pack("<I", 60_000) + bytes(4 * 60_000)
    (line,) = _refusal(bytes(data))
    assert line == "m.tflite: buffers: 60,000 tables make more than 50,000 in all"


def test_a_place_is_told_by_its_path() -> None:
    graph = Graph([T([4]), T([4])], RELU, [0], [1])
    data = bytearray(build(graph))
    tensor = tflite.Model.GetRootAs(bytes(data)).Subgraphs(0).Tensors(1)
    place = tensor._tab.Pos + tensor._tab.Offset(4)
    struct.pack_into("<I", data, place, 1 << 30)
    (line,) = _refusal(bytes(data))
    assert line.startswith("m.tflite: subgraphs[0].tensors[1].shape: offset 1,073,741,824 points")
