#ifndef FAKE_MICRO_MUTABLE_OP_RESOLVER_H_
#define FAKE_MICRO_MUTABLE_OP_RESOLVER_H_
#include <cstring>

#include "tensorflow/lite/micro/micro_log.h"
#include "tensorflow/lite/micro/micro_op_resolver.h"

namespace tflite {

// The fake computes a few operators; the others exist by name, and a model that uses one does not link.
#define FAKE_KERNEL(name) TFLMRegistration name();
FAKE_KERNEL(Register_CONV_2D)
FAKE_KERNEL(Register_DEPTHWISE_CONV_2D)
FAKE_KERNEL(Register_FULLY_CONNECTED)
FAKE_KERNEL(Register_AVERAGE_POOL_2D)
FAKE_KERNEL(Register_MAX_POOL_2D)
FAKE_KERNEL(Register_SOFTMAX)
FAKE_KERNEL(Register_ADD)
FAKE_KERNEL(Register_MUL)
FAKE_KERNEL(Register_SUB)
FAKE_KERNEL(Register_MAXIMUM)
FAKE_KERNEL(Register_MINIMUM)
FAKE_KERNEL(Register_PAD)
FAKE_KERNEL(Register_PADV2)
FAKE_KERNEL(Register_SVDF)
FAKE_KERNEL(Register_RESHAPE)
FAKE_KERNEL(Register_QUANTIZE)
FAKE_KERNEL(Register_DEQUANTIZE)
FAKE_KERNEL(Register_MEAN)
FAKE_KERNEL(Register_CONCATENATION)
FAKE_KERNEL(Register_STRIDED_SLICE)
FAKE_KERNEL(Register_SPLIT)
FAKE_KERNEL(Register_PACK)
FAKE_KERNEL(Register_UNPACK)
FAKE_KERNEL(Register_LOGISTIC)
FAKE_KERNEL(Register_TANH)
FAKE_KERNEL(Register_RELU)
FAKE_KERNEL(Register_RELU6)
FAKE_KERNEL(Register_PRELU)
FAKE_KERNEL(Register_L2_NORMALIZATION)
FAKE_KERNEL(Register_RESIZE_NEAREST_NEIGHBOR)
FAKE_KERNEL(Register_ARG_MAX)
FAKE_KERNEL(Register_ARG_MIN)
FAKE_KERNEL(Register_EQUAL)
FAKE_KERNEL(Register_NOT_EQUAL)
FAKE_KERNEL(Register_GREATER)
FAKE_KERNEL(Register_GREATER_EQUAL)
FAKE_KERNEL(Register_LESS)
FAKE_KERNEL(Register_LESS_EQUAL)
FAKE_KERNEL(Register_ABS)
FAKE_KERNEL(Register_RSQRT)
FAKE_KERNEL(Register_SIN)
FAKE_KERNEL(Register_COS)
FAKE_KERNEL(Register_LOG)
FAKE_KERNEL(Register_SQRT)
FAKE_KERNEL(Register_SQUARE)
FAKE_KERNEL(Register_NEG)
FAKE_KERNEL(Register_FLOOR)
FAKE_KERNEL(Register_CEIL)
FAKE_KERNEL(Register_ROUND)
FAKE_KERNEL(Register_LOGICAL_OR)
FAKE_KERNEL(Register_LOGICAL_AND)
FAKE_KERNEL(Register_LOGICAL_NOT)
FAKE_KERNEL(Register_ADD_N)
FAKE_KERNEL(Register_ASSIGN_VARIABLE)
FAKE_KERNEL(Register_READ_VARIABLE)
FAKE_KERNEL(Register_VAR_HANDLE)
FAKE_KERNEL(Register_BATCH_MATMUL)
FAKE_KERNEL(Register_BATCH_TO_SPACE_ND)
FAKE_KERNEL(Register_SPACE_TO_BATCH_ND)
FAKE_KERNEL(Register_BROADCAST_ARGS)
FAKE_KERNEL(Register_BROADCAST_TO)
FAKE_KERNEL(Register_CALL_ONCE)
FAKE_KERNEL(Register_CAST)
FAKE_KERNEL(Register_CUMSUM)
FAKE_KERNEL(Register_DEPTH_TO_SPACE)
FAKE_KERNEL(Register_SPACE_TO_DEPTH)
FAKE_KERNEL(Register_DIV)
FAKE_KERNEL(Register_DYNAMIC_UPDATE_SLICE)
FAKE_KERNEL(Register_ELU)
FAKE_KERNEL(Register_EMBEDDING_LOOKUP)
FAKE_KERNEL(Register_EXP)
FAKE_KERNEL(Register_EXPAND_DIMS)
FAKE_KERNEL(Register_FILL)
FAKE_KERNEL(Register_FLOOR_DIV)
FAKE_KERNEL(Register_FLOOR_MOD)
FAKE_KERNEL(Register_GATHER)
FAKE_KERNEL(Register_GATHER_ND)
FAKE_KERNEL(Register_HARD_SWISH)
FAKE_KERNEL(Register_IF)
FAKE_KERNEL(Register_WHILE)
FAKE_KERNEL(Register_L2_POOL_2D)
FAKE_KERNEL(Register_LEAKY_RELU)
FAKE_KERNEL(Register_LOG_SOFTMAX)
FAKE_KERNEL(Register_MIRROR_PAD)
FAKE_KERNEL(Register_REDUCE_ALL)
FAKE_KERNEL(Register_REDUCE_MAX)
FAKE_KERNEL(Register_REDUCE_MIN)
FAKE_KERNEL(Register_RESIZE_BILINEAR)
FAKE_KERNEL(Register_REVERSE_V2)
FAKE_KERNEL(Register_SELECT_V2)
FAKE_KERNEL(Register_SHAPE)
FAKE_KERNEL(Register_SLICE)
FAKE_KERNEL(Register_SPLIT_V)
FAKE_KERNEL(Register_SQUARED_DIFFERENCE)
FAKE_KERNEL(Register_SQUEEZE)
FAKE_KERNEL(Register_SUM)
FAKE_KERNEL(Register_TRANSPOSE)
FAKE_KERNEL(Register_TRANSPOSE_CONV)
FAKE_KERNEL(Register_UNIDIRECTIONAL_SEQUENCE_LSTM)
FAKE_KERNEL(Register_ZEROS_LIKE)
FAKE_KERNEL(Register_CIRCULAR_BUFFER)
FAKE_KERNEL(Register_DETECTION_POSTPROCESS)
#undef FAKE_KERNEL

template <unsigned int tOpCount>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
  MicroMutableOpResolver() {}
  ~MicroMutableOpResolver() override {}

  const TFLMRegistration* FindOp(BuiltinOperator op) const override {
    for (unsigned int i = 0; i < registrations_len_; ++i) {
      if (registrations_[i].builtin_code == op) return &registrations_[i];
    }
    return nullptr;
  }
  const TFLMRegistration* FindOp(const char* op) const override {
    for (unsigned int i = 0; i < registrations_len_; ++i) {
      const TFLMRegistration& one = registrations_[i];
      if (one.custom_name && strcmp(one.custom_name, op) == 0) return &one;
    }
    return nullptr;
  }
  TfLiteStatus AddCustom(const char* name, const TFLMRegistration* registration) {
    TFLMRegistration copy = *registration;
    copy.custom_name = name;
    return Add(copy);
  }

#define FAKE_ADD(name, kernel) \
  TfLiteStatus Add##name(const TFLMRegistration& registration = kernel()) { return Add(registration); }
  FAKE_ADD(Abs, Register_ABS)
  FAKE_ADD(Add, Register_ADD)
  FAKE_ADD(AddN, Register_ADD_N)
  FAKE_ADD(ArgMax, Register_ARG_MAX)
  FAKE_ADD(ArgMin, Register_ARG_MIN)
  FAKE_ADD(AssignVariable, Register_ASSIGN_VARIABLE)
  FAKE_ADD(AveragePool2D, Register_AVERAGE_POOL_2D)
  FAKE_ADD(BatchMatMul, Register_BATCH_MATMUL)
  FAKE_ADD(BatchToSpaceNd, Register_BATCH_TO_SPACE_ND)
  FAKE_ADD(BroadcastArgs, Register_BROADCAST_ARGS)
  FAKE_ADD(BroadcastTo, Register_BROADCAST_TO)
  FAKE_ADD(CallOnce, Register_CALL_ONCE)
  FAKE_ADD(Cast, Register_CAST)
  FAKE_ADD(Ceil, Register_CEIL)
  FAKE_ADD(Concatenation, Register_CONCATENATION)
  FAKE_ADD(Conv2D, Register_CONV_2D)
  FAKE_ADD(Cos, Register_COS)
  FAKE_ADD(CumSum, Register_CUMSUM)
  FAKE_ADD(DepthToSpace, Register_DEPTH_TO_SPACE)
  FAKE_ADD(DepthwiseConv2D, Register_DEPTHWISE_CONV_2D)
  FAKE_ADD(Dequantize, Register_DEQUANTIZE)
  FAKE_ADD(Div, Register_DIV)
  FAKE_ADD(DynamicUpdateSlice, Register_DYNAMIC_UPDATE_SLICE)
  FAKE_ADD(Elu, Register_ELU)
  FAKE_ADD(EmbeddingLookup, Register_EMBEDDING_LOOKUP)
  FAKE_ADD(Equal, Register_EQUAL)
  FAKE_ADD(Exp, Register_EXP)
  FAKE_ADD(ExpandDims, Register_EXPAND_DIMS)
  FAKE_ADD(Fill, Register_FILL)
  FAKE_ADD(Floor, Register_FLOOR)
  FAKE_ADD(FloorDiv, Register_FLOOR_DIV)
  FAKE_ADD(FloorMod, Register_FLOOR_MOD)
  FAKE_ADD(FullyConnected, Register_FULLY_CONNECTED)
  FAKE_ADD(Gather, Register_GATHER)
  FAKE_ADD(GatherNd, Register_GATHER_ND)
  FAKE_ADD(Greater, Register_GREATER)
  FAKE_ADD(GreaterEqual, Register_GREATER_EQUAL)
  FAKE_ADD(HardSwish, Register_HARD_SWISH)
  FAKE_ADD(If, Register_IF)
  FAKE_ADD(L2Normalization, Register_L2_NORMALIZATION)
  FAKE_ADD(L2Pool2D, Register_L2_POOL_2D)
  FAKE_ADD(LeakyRelu, Register_LEAKY_RELU)
  FAKE_ADD(Less, Register_LESS)
  FAKE_ADD(LessEqual, Register_LESS_EQUAL)
  FAKE_ADD(Log, Register_LOG)
  FAKE_ADD(LogSoftmax, Register_LOG_SOFTMAX)
  FAKE_ADD(LogicalAnd, Register_LOGICAL_AND)
  FAKE_ADD(LogicalNot, Register_LOGICAL_NOT)
  FAKE_ADD(LogicalOr, Register_LOGICAL_OR)
  FAKE_ADD(Logistic, Register_LOGISTIC)
  FAKE_ADD(MaxPool2D, Register_MAX_POOL_2D)
  FAKE_ADD(Maximum, Register_MAXIMUM)
  FAKE_ADD(Mean, Register_MEAN)
  FAKE_ADD(Minimum, Register_MINIMUM)
  FAKE_ADD(MirrorPad, Register_MIRROR_PAD)
  FAKE_ADD(Mul, Register_MUL)
  FAKE_ADD(Neg, Register_NEG)
  FAKE_ADD(NotEqual, Register_NOT_EQUAL)
  FAKE_ADD(Pack, Register_PACK)
  FAKE_ADD(Pad, Register_PAD)
  FAKE_ADD(PadV2, Register_PADV2)
  FAKE_ADD(Prelu, Register_PRELU)
  FAKE_ADD(Quantize, Register_QUANTIZE)
  FAKE_ADD(ReadVariable, Register_READ_VARIABLE)
  FAKE_ADD(ReduceAll, Register_REDUCE_ALL)
  FAKE_ADD(ReduceMax, Register_REDUCE_MAX)
  FAKE_ADD(ReduceMin, Register_REDUCE_MIN)
  FAKE_ADD(Relu, Register_RELU)
  FAKE_ADD(Relu6, Register_RELU6)
  FAKE_ADD(Reshape, Register_RESHAPE)
  FAKE_ADD(ResizeBilinear, Register_RESIZE_BILINEAR)
  FAKE_ADD(ResizeNearestNeighbor, Register_RESIZE_NEAREST_NEIGHBOR)
  FAKE_ADD(ReverseV2, Register_REVERSE_V2)
  FAKE_ADD(Round, Register_ROUND)
  FAKE_ADD(Rsqrt, Register_RSQRT)
  FAKE_ADD(SelectV2, Register_SELECT_V2)
  FAKE_ADD(Shape, Register_SHAPE)
  FAKE_ADD(Sin, Register_SIN)
  FAKE_ADD(Slice, Register_SLICE)
  FAKE_ADD(Softmax, Register_SOFTMAX)
  FAKE_ADD(SpaceToBatchNd, Register_SPACE_TO_BATCH_ND)
  FAKE_ADD(SpaceToDepth, Register_SPACE_TO_DEPTH)
  FAKE_ADD(Split, Register_SPLIT)
  FAKE_ADD(SplitV, Register_SPLIT_V)
  FAKE_ADD(Sqrt, Register_SQRT)
  FAKE_ADD(Square, Register_SQUARE)
  FAKE_ADD(SquaredDifference, Register_SQUARED_DIFFERENCE)
  FAKE_ADD(Squeeze, Register_SQUEEZE)
  FAKE_ADD(StridedSlice, Register_STRIDED_SLICE)
  FAKE_ADD(Sub, Register_SUB)
  FAKE_ADD(Sum, Register_SUM)
  FAKE_ADD(Svdf, Register_SVDF)
  FAKE_ADD(Tanh, Register_TANH)
  FAKE_ADD(Transpose, Register_TRANSPOSE)
  FAKE_ADD(TransposeConv, Register_TRANSPOSE_CONV)
  FAKE_ADD(UnidirectionalSequenceLSTM, Register_UNIDIRECTIONAL_SEQUENCE_LSTM)
  FAKE_ADD(Unpack, Register_UNPACK)
  FAKE_ADD(VarHandle, Register_VAR_HANDLE)
  FAKE_ADD(While, Register_WHILE)
  FAKE_ADD(ZerosLike, Register_ZEROS_LIKE)
  FAKE_ADD(CircularBuffer, Register_CIRCULAR_BUFFER)
  FAKE_ADD(DetectionPostprocess, Register_DETECTION_POSTPROCESS)
#undef FAKE_ADD

 private:
  TfLiteStatus Add(const TFLMRegistration& registration) {
    if (registrations_len_ >= tOpCount) {
      MicroPrintf("Couldn't register builtin op #%d, resolver size ", registration.builtin_code);
      MicroPrintf("is too small (%d).", tOpCount);
      return kTfLiteError;
    }
    registrations_[registrations_len_++] = registration;
    return kTfLiteOk;
  }
  TFLMRegistration registrations_[tOpCount];
  unsigned int registrations_len_ = 0;
  BuiltinOperator builtin_codes_[tOpCount];
  TfLiteBridgeBuiltinParseFunction builtin_parsers_[tOpCount];
  unsigned int num_buildin_ops_ = 0;
  TF_LITE_REMOVE_VIRTUAL_DELETE
};

static_assert(sizeof(MicroMutableOpResolver<1>) == 12 + 36, "as noted");

}  // namespace tflite
#endif
