// Six operators, float and int8, the way TFLite defines them, written for shortness.
#include <algorithm>
#include <cmath>

#include "model.h"
#include "tensorflow/lite/micro/micro_interpreter_context.h"
#include "tensorflow/lite/micro/micro_log.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

#ifdef FAKE_CMSIS_NN
extern "C" int32_t arm_convolve_s8(const int8_t* a, const int8_t* b, int n, int stride_a,
                                   int stride_b, int offset);
#endif

namespace tflite {

class Kernels {
 public:
  explicit Kernels(TfLiteContext* context)
      : context_(static_cast<MicroInterpreterContext*>(context->impl_)) {}
  const TfLiteEvalTensor& tensor(int index) const {
    return context_->graph_.subgraph_allocations_->tensors[index];
  }
  TfLiteTensor* temporary(int index) const {
    auto& graph = context_->graph_;
    return context_->allocator_.AllocateTensor(context_->model_, graph.subgraph_allocations_, index,
                                               true);
  }
  TfLiteStatus RunGraph() const { return context_->graph_.InvokeSubgraph(0); }
  MicroInterpreterContext* operator->() const { return context_; }

 private:
  MicroInterpreterContext* context_;
};

// Everything prepare works out for invoke.
struct OpData {
  int32_t* multipliers;
  int* shifts;
  int32_t input_zero;
  int32_t output_zero;
  int32_t low;
  int32_t high;
  float scale;
  int scratch;
};

static void* Init(TfLiteContext* context, const char*, size_t) {
  return Kernels(context)->AllocatePersistentBuffer(sizeof(OpData));
}

static void Quantize(double real, int32_t* multiplier, int* shift) {
  double fraction = std::frexp(real, shift);
  int64_t fixed = static_cast<int64_t>(std::round(fraction * (1ll << 31)));
  if (fixed == (1ll << 31)) {
    fixed /= 2;
    ++*shift;
  }
  *multiplier = static_cast<int32_t>(fixed);
}

// x * multiplier * 2^shift, rounded twice as the reference kernels do.
static int32_t Scaled(int32_t x, int32_t multiplier, int shift) {
  int32_t left = shift > 0 ? x * (1 << shift) : x;
  int right = shift > 0 ? 0 : -shift;
  int64_t product = static_cast<int64_t>(left) * multiplier;
  int64_t nudge = product >= 0 ? (1ll << 30) : 1 - (1ll << 30);
  int32_t high = static_cast<int32_t>((product + nudge) / (1ll << 31));
  int32_t mask = static_cast<int32_t>((1ll << right) - 1), rest = high & mask;
  int32_t threshold = (mask >> 1) + (high < 0 ? 1 : 0);
  return (high >> right) + (rest > threshold ? 1 : 0);
}

static TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node, int activation) {
  Kernels kernels(context);
  auto* data = static_cast<OpData*>(node->user_data);
  TfLiteTensor* input = kernels.temporary(node->inputs->data[0]);
  TfLiteTensor* weights = node->inputs->size > 1 ? kernels.temporary(node->inputs->data[1]) : nullptr;
  TfLiteTensor* output = kernels.temporary(node->outputs->data[0]);
  if (!input || !output || (node->inputs->size > 1 && !weights)) return kTfLiteError;
  if (input->type == kTfLiteFloat32 && weights && weights->type == kTfLiteInt8) {
    MicroPrintf("%s Hybrid models are not supported on TFLite Micro.", __FILE__);
    return kTfLiteError;
  }
  data->input_zero = input->params.zero_point;
  data->output_zero = output->params.zero_point;
  data->scale = input->params.scale;
  data->low = -128;
  data->high = 127;
  if (activation == 1 || activation == 3) data->low = std::max<int32_t>(-128, data->output_zero);
  if (activation == 3) {
    int six = static_cast<int>(std::round(6 / output->params.scale)) + data->output_zero;
    data->high = std::min(127, six);
  }
  if (input->type != kTfLiteInt8 || !weights || !weights->quantization.params) return kTfLiteOk;
  auto* affine = static_cast<TfLiteAffineQuantization*>(weights->quantization.params);
  int channels = output->dims->data[output->dims->size - 1];
  data->multipliers = static_cast<int32_t*>(kernels->AllocatePersistentBuffer(4 * channels));
  data->shifts = static_cast<int*>(kernels->AllocatePersistentBuffer(4 * channels));
  if (!data->shifts) return kTfLiteError;
  for (int c = 0; c < channels; ++c) {
    double scale = affine->scale->data[affine->scale->size > 1 ? c : 0];
    Quantize(scale * input->params.scale / output->params.scale, &data->multipliers[c],
             &data->shifts[c]);
  }
  return kTfLiteOk;
}

static float Clamp(float x, int activation) {
  if (activation == 1 || activation == 3) x = x < 0 ? 0 : x;
  return activation == 3 && x > 6 ? 6 : x;
}

static int8_t Clamp(int32_t x, const OpData& data) {
  x += data.output_zero;
  return x < data.low ? data.low : x > data.high ? data.high : x;
}

static flatbuffers::Table Options(TfLiteNode* node) {
  return {static_cast<const uint8_t*>(node->builtin_data)};
}

// ---- convolutions: a window over height and width ----

struct Window {
  int height, width, stride_h, stride_w, dilation_h, dilation_w, top, left;
};

static Window MakeWindow(const TfLiteIntArray* in, const TfLiteIntArray* out, int height, int width,
                         const flatbuffers::Table& options, int dilation_slot) {
  Window w = {height, width, options.Scalar<int32_t>(2, 0), options.Scalar<int32_t>(1, 0), 1, 1, 0, 0};
  if (dilation_slot) {
    w.dilation_w = options.Scalar<int32_t>(dilation_slot, 1);
    w.dilation_h = options.Scalar<int32_t>(dilation_slot + 1, 1);
  }
  if (options.Scalar<int8_t>(0, 0) == 0) {  // SAME
    int tall = (out->data[1] - 1) * w.stride_h + (height - 1) * w.dilation_h + 1 - in->data[1];
    int wide = (out->data[2] - 1) * w.stride_w + (width - 1) * w.dilation_w + 1 - in->data[2];
    w.top = tall > 0 ? tall / 2 : 0;
    w.left = wide > 0 ? wide / 2 : 0;
  }
  return w;
}

// Calls visit(output position, input position, place in the window) for everything inside.
template <typename Begin, typename Visit, typename End>
static void Walk(const TfLiteIntArray* in, const TfLiteIntArray* out, const Window& w, Begin begin,
                 Visit visit, End end) {
  for (int y = 0; y < out->data[1]; ++y) {
    for (int x = 0; x < out->data[2]; ++x) {
      begin();
      for (int i = 0; i < w.height; ++i) {
        for (int j = 0; j < w.width; ++j) {
          int row = y * w.stride_h - w.top + i * w.dilation_h;
          int column = x * w.stride_w - w.left + j * w.dilation_w;
          if (row < 0 || column < 0 || row >= in->data[1] || column >= in->data[2]) continue;
          visit(row * in->data[2] + column, i * w.width + j);
        }
      }
      end(y * out->data[2] + x);
    }
  }
}

static constexpr int kMaxChannels = 256;

template <typename T, typename Sum>
static void Convolve(const Kernels& kernels, TfLiteNode* node, bool depthwise) {
  const TfLiteEvalTensor& input = kernels.tensor(node->inputs->data[0]);
  const TfLiteEvalTensor& weights = kernels.tensor(node->inputs->data[1]);
  const TfLiteEvalTensor& output = kernels.tensor(node->outputs->data[0]);
  const OpData& data = *static_cast<OpData*>(node->user_data);
  int bias_index = node->inputs->size > 2 ? node->inputs->data[2] : -1;
  const Sum* bias = bias_index < 0 ? nullptr : static_cast<Sum*>(kernels.tensor(bias_index).data.data);
  flatbuffers::Table options = Options(node);
  int activation = options.Scalar<int8_t>(depthwise ? 4 : 3, 0);
  Window window = MakeWindow(input.dims, output.dims, weights.dims->data[1], weights.dims->data[2],
                             options, depthwise ? 5 : 4);
  int in_channels = input.dims->data[3], channels = output.dims->data[3];
  const T *from = static_cast<T*>(input.data.data), *filter = static_cast<T*>(weights.data.data);
  T* to = static_cast<T*>(output.data.data);
  Sum sums[kMaxChannels];
  Sum zero = sizeof(T) == 1 ? static_cast<Sum>(data.input_zero) : 0;
  int area = window.height * window.width;
  Walk(
      input.dims, output.dims, window,
      [&] {
        for (int c = 0; c < channels; ++c) sums[c] = bias ? bias[c] : 0;
      },
      [&](int at, int place) {
        for (int c = 0; c < channels; ++c) {
          if (depthwise) {
            int source = c / (channels / in_channels);
            sums[c] += (from[at * in_channels + source] - zero) * filter[place * channels + c];
          } else {
            const T *a = from + at * in_channels, *b = filter + (c * area + place) * in_channels;
#ifdef FAKE_CMSIS_NN
            if constexpr (sizeof(T) == 1) {
              sums[c] += arm_convolve_s8(a, b, in_channels, 1, 1, -zero);
              continue;
            }
#endif
            for (int k = 0; k < in_channels; ++k) sums[c] += (a[k] - zero) * b[k];
          }
        }
      },
      [&](int at) {
        for (int c = 0; c < channels; ++c) {
          if constexpr (sizeof(T) == 1) {
            to[at * channels + c] = Clamp(Scaled(sums[c], data.multipliers[c], data.shifts[c]), data);
          } else {
            to[at * channels + c] = Clamp(sums[c], activation);
          }
        }
      });
}

template <bool depthwise>
static TfLiteStatus PrepareConv(TfLiteContext* context, TfLiteNode* node) {
  auto* data = static_cast<OpData*>(node->user_data);
  if (!depthwise) {  // not that it needed one
    TfLiteStatus status = Kernels(context)->RequestScratchBufferInArena(64, &data->scratch);
    if (status != kTfLiteOk) return status;
  }
  return Prepare(context, node, Options(node).Scalar<int8_t>(depthwise ? 4 : 3, 0));
}

template <bool depthwise>
static TfLiteStatus Conv(TfLiteContext* context, TfLiteNode* node) {
  Kernels kernels(context);
  if (!depthwise) {
    auto* data = static_cast<OpData*>(node->user_data);
    static_cast<uint8_t*>(kernels->GetScratchBuffer(data->scratch))[63] = 1;
  }
  TfLiteType type = kernels.tensor(node->inputs->data[0]).type;
  if (type == kTfLiteInt8) {
    Convolve<int8_t, int32_t>(kernels, node, depthwise);
  } else if (type == kTfLiteFloat32) {
    Convolve<float, float>(kernels, node, depthwise);
  } else {
    MicroPrintf("Type %s (%d) not supported.", "OTHER", type);
    return kTfLiteError;
  }
  return kTfLiteOk;
}

// ---- the others ----

static TfLiteStatus PreparePlain(TfLiteContext* context, TfLiteNode* node) {
  return Prepare(context, node, node->builtin_data ? Options(node).Scalar<int8_t>(0, 0) : 0);
}

static TfLiteStatus PreparePool(TfLiteContext* context, TfLiteNode* node) {
  return Prepare(context, node, Options(node).Scalar<int8_t>(5, 0));
}

static int Elements(const TfLiteEvalTensor& tensor) {
  int count = 1;
  for (int i = 0; i < tensor.dims->size; ++i) count *= tensor.dims->data[i];
  return count;
}

static TfLiteStatus FullyConnected(TfLiteContext* context, TfLiteNode* node) {
  Kernels kernels(context);
  const TfLiteEvalTensor& input = kernels.tensor(node->inputs->data[0]);
  const TfLiteEvalTensor& weights = kernels.tensor(node->inputs->data[1]);
  const TfLiteEvalTensor& output = kernels.tensor(node->outputs->data[0]);
  const OpData& data = *static_cast<OpData*>(node->user_data);
  int bias_index = node->inputs->size > 2 ? node->inputs->data[2] : -1;
  const void* bias = bias_index < 0 ? nullptr : kernels.tensor(bias_index).data.data;
  int rows = weights.dims->data[0], columns = weights.dims->data[1];
  int batches = Elements(output) / rows;
  int activation = Options(node).Scalar<int8_t>(0, 0);
  for (int n = 0; n < batches * rows; ++n) {
    int batch = n / rows, row = n % rows;
    if (input.type == kTfLiteInt8) {
      const int8_t *a = input.data.int8 + batch * columns, *b = weights.data.int8 + row * columns;
      int32_t sum = bias ? static_cast<const int32_t*>(bias)[row] : 0;
      for (int k = 0; k < columns; ++k) sum += (a[k] - data.input_zero) * b[k];
      output.data.int8[n] = Clamp(Scaled(sum, data.multipliers[row], data.shifts[row]), data);
    } else {
      const float *a = input.data.f + batch * columns, *b = weights.data.f + row * columns;
      float sum = 0;
      for (int k = 0; k < columns; ++k) sum += a[k] * b[k];
      output.data.f[n] = Clamp(sum + (bias ? static_cast<const float*>(bias)[row] : 0), activation);
    }
  }
  return kTfLiteOk;
}

static TfLiteStatus AveragePool(TfLiteContext* context, TfLiteNode* node) {
  Kernels kernels(context);
  const TfLiteEvalTensor& input = kernels.tensor(node->inputs->data[0]);
  const TfLiteEvalTensor& output = kernels.tensor(node->outputs->data[0]);
  const OpData& data = *static_cast<OpData*>(node->user_data);
  flatbuffers::Table options = Options(node);
  Window window = MakeWindow(input.dims, output.dims, options.Scalar<int32_t>(4, 0),
                             options.Scalar<int32_t>(3, 0), options, 0);
  int channels = input.dims->data[3], count = 0;
  int32_t sums[kMaxChannels];
  Walk(
      input.dims, output.dims, window,
      [&] {
        count = 0;
        for (int c = 0; c < channels; ++c) sums[c] = 0;
      },
      [&](int at, int) {
        ++count;
        for (int c = 0; c < channels; ++c) sums[c] += input.data.int8[at * channels + c];
      },
      [&](int at) {
        for (int c = 0; c < channels; ++c) {
          int32_t mean = sums[c] > 0 ? (sums[c] + count / 2) / count : (sums[c] - count / 2) / count;
          output.data.int8[at * channels + c] = mean < data.low ? data.low : mean;
        }
      });
  return kTfLiteOk;
}

static TfLiteStatus Softmax(TfLiteContext* context, TfLiteNode* node) {
  Kernels kernels(context);
  const TfLiteEvalTensor& input = kernels.tensor(node->inputs->data[0]);
  const TfLiteEvalTensor& output = kernels.tensor(node->outputs->data[0]);
  float scale = static_cast<OpData*>(node->user_data)->scale;
  int count = Elements(input);
  float sum = 0;
  int largest = -128;
  for (int i = 0; i < count; ++i) largest = std::max<int>(largest, input.data.int8[i]);
  auto power = [&](int i) { return std::exp(scale * (input.data.int8[i] - largest)); };
  for (int i = 0; i < count; ++i) sum += power(i);
  for (int i = 0; i < count; ++i) {
    int value = static_cast<int>(std::round(power(i) / sum * 256)) - 128;
    output.data.int8[i] = value > 127 ? 127 : value;
  }
  return kTfLiteOk;
}

static TfLiteStatus Reshape(TfLiteContext* context, TfLiteNode* node) {
  Kernels kernels(context);
  const TfLiteEvalTensor& input = kernels.tensor(node->inputs->data[0]);
  const TfLiteEvalTensor& output = kernels.tensor(node->outputs->data[0]);
  int bytes = Elements(input) * (input.type == kTfLiteInt8 ? 1 : 4);
  memcpy(output.data.raw, input.data.raw, bytes);
  return kTfLiteOk;
}

static TfLiteStatus Halt(TfLiteContext*, TfLiteNode*) {
  AbortImpl();
  return kTfLiteError;
}

// Control flow: runs the whole graph once more inside itself.
static TfLiteStatus CallOnce(TfLiteContext* context, TfLiteNode*) {
  static bool inside = false;
  if (inside) return kTfLiteOk;
  inside = true;
  TfLiteStatus status = Kernels(context).RunGraph();
  inside = false;
  return status;
}

static TFLMRegistration Registration(int code, TfLiteStatus (*prepare)(TfLiteContext*, TfLiteNode*),
                                     TfLiteStatus (*invoke)(TfLiteContext*, TfLiteNode*)) {
  return {Init, nullptr, prepare, invoke, nullptr, code, nullptr};
}

TFLMRegistration Register_CONV_2D() {
  return Registration(BuiltinOperator_CONV_2D, PrepareConv<false>, Conv<false>);
}
TFLMRegistration Register_DEPTHWISE_CONV_2D() {
  return Registration(BuiltinOperator_DEPTHWISE_CONV_2D, PrepareConv<true>, Conv<true>);
}
TFLMRegistration Register_FULLY_CONNECTED() {
  return Registration(BuiltinOperator_FULLY_CONNECTED, PreparePlain, FullyConnected);
}
TFLMRegistration Register_AVERAGE_POOL_2D() {
  return Registration(BuiltinOperator_AVERAGE_POOL_2D, PreparePool, AveragePool);
}
TFLMRegistration Register_SOFTMAX() {
  return Registration(BuiltinOperator_SOFTMAX, PreparePlain, Softmax);
}
TFLMRegistration Register_RESHAPE() {
  return {nullptr, nullptr, nullptr, Reshape, nullptr, BuiltinOperator_RESHAPE, nullptr};
}
TFLMRegistration Register_CALL_ONCE() {
  return {nullptr, nullptr, nullptr, CallOnce, nullptr, BuiltinOperator_CALL_ONCE, nullptr};
}
TFLMRegistration Register_CEIL() {
  return {nullptr, nullptr, nullptr, Halt, nullptr, BuiltinOperator_CEIL, nullptr};
}

}  // namespace tflite
