"""Names and field slots of the TFLite schema (version 3), as far as this project reads them.

Written down here because importing the ``tflite`` package costs more time than reading a model;
a test compares every entry with that package.
"""

from __future__ import annotations

from typing import NamedTuple

FILE_IDENTIFIER = b"TFL3"
SCHEMA_VERSION = 3

# Operators by code: BuiltinOperator of the schema.
_OPERATOR_NAMES = """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE
    EMBEDDING_LOOKUP FLOOR FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D
    LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1
    RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM
    CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND
    SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE
    BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM
    CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT
    SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT
    SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND
    LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE
    RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL
    REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE
    MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5
    SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM
    CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND
    HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE
    ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL
    GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX
    UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT
    STABLEHLO_LOGISTIC STABLEHLO_ADD STABLEHLO_DIVIDE STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM
    STABLEHLO_RESHAPE STABLEHLO_CLAMP STABLEHLO_CONCATENATE STABLEHLO_BROADCAST_IN_DIM
    STABLEHLO_CONVOLUTION STABLEHLO_SLICE STABLEHLO_CUSTOM_CALL STABLEHLO_REDUCE STABLEHLO_ABS
    STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL STABLEHLO_FLOOR STABLEHLO_LOG
    STABLEHLO_MINIMUM STABLEHLO_NEGATE STABLEHLO_OR STABLEHLO_POWER STABLEHLO_REMAINDER
    STABLEHLO_RSQRT STABLEHLO_SELECT STABLEHLO_SUBTRACT STABLEHLO_TANH STABLEHLO_SCATTER
    STABLEHLO_COMPARE STABLEHLO_CONVERT STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE
    STABLEHLO_PAD STABLEHLO_IOTA STABLEHLO_DOT_GENERAL STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT
    STABLEHLO_WHILE STABLEHLO_GATHER STABLEHLO_TRANSPOSE DILATE STABLEHLO_RNG_BIT_GENERATOR
    REDUCE_WINDOW STABLEHLO_COMPOSITE STABLEHLO_SHIFT_LEFT STABLEHLO_CBRT
    """
BUILTIN_OPERATORS: tuple[str, ...] = tuple(_OPERATOR_NAMES.split())
CUSTOM = BUILTIN_OPERATORS.index("CUSTOM")

# An old reader knows codes up to 126. Newer ones are stored in a second field, and the first then
# holds this placeholder.
PLACEHOLDER_CODE = 127


class ElementType(NamedTuple):
    """Type of a tensor's elements; ``bits`` is 0 where the shape does not give the size."""

    name: str
    bits: int


# By number: TensorType of the schema.
TENSOR_TYPES: tuple[ElementType, ...] = (
    ElementType("float32", 32),
    ElementType("float16", 16),
    ElementType("int32", 32),
    ElementType("uint8", 8),
    ElementType("int64", 64),
    ElementType("string", 0),
    ElementType("bool", 8),
    ElementType("int16", 16),
    ElementType("complex64", 64),
    ElementType("int8", 8),
    ElementType("float64", 64),
    ElementType("complex128", 128),
    ElementType("uint64", 64),
    ElementType("resource", 0),
    ElementType("variant", 0),
    ElementType("uint32", 32),
    ElementType("uint16", 16),
    ElementType("int4", 4),
    ElementType("bfloat16", 16),
)

# Builtins that leave out an input by writing tensor index -1.
_OPTIONAL_INPUT_NAMES = """
    CONV_2D DEPTHWISE_CONV_2D FULLY_CONNECTED SVDF TRANSPOSE_CONV CONV_3D CONV_3D_TRANSPOSE RNN LSTM
    UNIDIRECTIONAL_SEQUENCE_RNN BIDIRECTIONAL_SEQUENCE_RNN UNIDIRECTIONAL_SEQUENCE_LSTM
    BIDIRECTIONAL_SEQUENCE_LSTM CUSTOM
    """
OPTIONAL_INPUTS = frozenset(_OPTIONAL_INPUT_NAMES.split())


class Field(NamedTuple):
    """One field of an options table: its name here, slot, struct letter and default.

    A letter with ``*`` is a vector.
    """

    name: str
    slot: int
    code: str
    default: int | float | bool = 0


# By number: BuiltinOptions of the schema, the union of option tables.
_OPTION_TABLE_NAMES = """
    NONE Conv2DOptions DepthwiseConv2DOptions ConcatEmbeddingsOptions LSHProjectionOptions
    Pool2DOptions SVDFOptions RNNOptions FullyConnectedOptions SoftmaxOptions ConcatenationOptions
    AddOptions L2NormOptions LocalResponseNormalizationOptions LSTMOptions ResizeBilinearOptions
    CallOptions ReshapeOptions SkipGramOptions SpaceToDepthOptions EmbeddingLookupSparseOptions
    MulOptions PadOptions GatherOptions BatchToSpaceNDOptions SpaceToBatchNDOptions
    TransposeOptions ReducerOptions SubOptions DivOptions SqueezeOptions SequenceRNNOptions
    StridedSliceOptions ExpOptions TopKV2Options SplitOptions LogSoftmaxOptions CastOptions
    DequantizeOptions MaximumMinimumOptions ArgMaxOptions LessOptions NegOptions PadV2Options
    GreaterOptions GreaterEqualOptions LessEqualOptions SelectOptions SliceOptions
    TransposeConvOptions SparseToDenseOptions TileOptions ExpandDimsOptions EqualOptions
    NotEqualOptions ShapeOptions PowOptions ArgMinOptions FakeQuantOptions PackOptions
    LogicalOrOptions OneHotOptions LogicalAndOptions LogicalNotOptions UnpackOptions
    FloorDivOptions SquareOptions ZerosLikeOptions FillOptions BidirectionalSequenceLSTMOptions
    BidirectionalSequenceRNNOptions UnidirectionalSequenceLSTMOptions FloorModOptions RangeOptions
    ResizeNearestNeighborOptions LeakyReluOptions SquaredDifferenceOptions MirrorPadOptions
    AbsOptions SplitVOptions UniqueOptions ReverseV2Options AddNOptions GatherNdOptions CosOptions
    WhereOptions RankOptions ReverseSequenceOptions MatrixDiagOptions QuantizeOptions
    MatrixSetDiagOptions HardSwishOptions IfOptions WhileOptions DepthToSpaceOptions
    NonMaxSuppressionV4Options NonMaxSuppressionV5Options ScatterNdOptions SelectV2Options
    DensifyOptions SegmentSumOptions BatchMatMulOptions CumsumOptions CallOnceOptions
    BroadcastToOptions Rfft2dOptions Conv3DOptions HashtableOptions HashtableFindOptions
    HashtableImportOptions HashtableSizeOptions VarHandleOptions ReadVariableOptions
    AssignVariableOptions RandomOptions BucketizeOptions GeluOptions DynamicUpdateSliceOptions
    UnsortedSegmentProdOptions UnsortedSegmentMaxOptions UnsortedSegmentMinOptions
    UnsortedSegmentSumOptions ATan2Options SignOptions BitcastOptions BitwiseXorOptions
    RightShiftOptions
    """
OPTION_TABLES: tuple[str, ...] = tuple(_OPTION_TABLE_NAMES.split())

_ACTIVATION = "activation"
OPTION_FIELDS: dict[str, tuple[Field, ...]] = {
    "Conv2DOptions": (
        Field("padding", 0, "b"),
        Field("stride_w", 1, "i"),
        Field("stride_h", 2, "i"),
        Field(_ACTIVATION, 3, "b"),
        Field("dilation_w", 4, "i", 1),
        Field("dilation_h", 5, "i", 1),
    ),
    "DepthwiseConv2DOptions": (
        Field("padding", 0, "b"),
        Field("stride_w", 1, "i"),
        Field("stride_h", 2, "i"),
        Field("depth_multiplier", 3, "i"),
        Field(_ACTIVATION, 4, "b"),
        Field("dilation_w", 5, "i", 1),
        Field("dilation_h", 6, "i", 1),
    ),
    "Pool2DOptions": (
        Field("padding", 0, "b"),
        Field("stride_w", 1, "i"),
        Field("stride_h", 2, "i"),
        Field("filter_w", 3, "i"),
        Field("filter_h", 4, "i"),
        Field(_ACTIVATION, 5, "b"),
    ),
    "SVDFOptions": (Field("rank", 0, "i"), Field(_ACTIVATION, 1, "b")),
    "FullyConnectedOptions": (
        Field(_ACTIVATION, 0, "b"),
        Field("weights_format", 1, "b"),
        Field("keep_num_dims", 2, "?", False),
    ),
    "SoftmaxOptions": (Field("beta", 0, "f", 0.0),),
    "ConcatenationOptions": (Field("axis", 0, "i"), Field(_ACTIVATION, 1, "b")),
    "AddOptions": (Field(_ACTIVATION, 0, "b"),),
    "SubOptions": (Field(_ACTIVATION, 0, "b"),),
    "MulOptions": (Field(_ACTIVATION, 0, "b"),),
    "L2NormOptions": (Field(_ACTIVATION, 0, "b"),),
    "ReshapeOptions": (Field("new_shape", 0, "i*"),),
    "SqueezeOptions": (Field("squeeze_dims", 0, "i*"),),
    "ReducerOptions": (Field("keep_dims", 0, "?", False),),
    "SplitOptions": (Field("num_splits", 0, "i"),),
    "StridedSliceOptions": (
        Field("begin_mask", 0, "i"),
        Field("end_mask", 1, "i"),
        Field("ellipsis_mask", 2, "i"),
        Field("new_axis_mask", 3, "i"),
        Field("shrink_axis_mask", 4, "i"),
        Field("offset", 5, "?", False),
    ),
    "ArgMaxOptions": (Field("output_type", 0, "b"),),
    "ArgMinOptions": (Field("output_type", 0, "b"),),
    "PackOptions": (Field("values_count", 0, "i"), Field("axis", 1, "i")),
    "UnpackOptions": (Field("num", 0, "i"), Field("axis", 1, "i")),
    "ResizeNearestNeighborOptions": (
        Field("align_corners", 0, "?", False),
        Field("half_pixel_centers", 1, "?", False),
    ),
}

PADDING_SAME = 0
ACTIVATIONS: tuple[str, ...] = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
