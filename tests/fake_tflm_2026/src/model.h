// Reads the first subgraph of a model where it lies.
#ifndef FAKE_MODEL_H_
#define FAKE_MODEL_H_
#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace file {

using flatbuffers::Table;

class Graph {
 public:
  explicit Graph(const tflite::Model* model) : model_(model->table()), graph_(model_.Item(2, 0)) {}
  int tensors() const { return graph_.Count(0); }
  int operators() const { return graph_.Count(3); }
  int list_size(int slot) const { return graph_.Count(slot); }
  const int* list(int slot) const { return reinterpret_cast<const int*>(graph_.Items(slot)); }

  TfLiteIntArray* dims(int tensor) const { return Array(Tensor(tensor), 0); }
  TfLiteType type(int tensor) const {
    static const TfLiteType kTypes[] = {kTfLiteFloat32, kTfLiteFloat16, kTfLiteInt32, kTfLiteUInt8,
                                        kTfLiteInt64,   kTfLiteString,  kTfLiteBool,  kTfLiteInt16,
                                        kTfLiteNoType,  kTfLiteInt8};
    int number = Tensor(tensor).Scalar<int8_t>(1, 0);
    return number < 10 ? kTypes[number] : kTfLiteNoType;
  }
  size_t bytes(int tensor) const {
    size_t count = 1;
    TfLiteIntArray* shape = dims(tensor);
    for (int i = 0; shape && i < shape->size; ++i) count *= shape->data[i];
    switch (type(tensor)) {
      case kTfLiteFloat32:
      case kTfLiteInt32:
        return 4 * count;
      case kTfLiteInt64:
        return 8 * count;
      case kTfLiteInt16:
        return 2 * count;
      default:
        return count;
    }
  }
  const void* constant(int tensor) const {
    return model_.Item(4, Tensor(tensor).Scalar<uint32_t>(2, 0)).Items(0);
  }
  int scales(int tensor) const {
    Table quantization = Quantization(tensor);
    return quantization ? quantization.Count(2) : 0;
  }
  float scale(int tensor, int channel) const { return scale_array(tensor)->data[channel]; }
  TfLiteFloatArray* scale_array(int tensor) const {
    return reinterpret_cast<TfLiteFloatArray*>(const_cast<uint8_t*>(Quantization(tensor).Follow(2)));
  }
  int zero_point(int tensor) const {
    const uint8_t* items = Quantization(tensor).Items(3);
    return items ? static_cast<int>(Table::Load<int64_t>(items)) : 0;
  }

  TfLiteIntArray* op_inputs(int op) const { return Array(Operator(op), 1); }
  TfLiteIntArray* op_outputs(int op) const { return Array(Operator(op), 2); }
  Table options(int op) const { return {Operator(op).Follow(4)}; }
  Table code(int op) const { return model_.Item(1, Operator(op).Scalar<uint32_t>(0, 0)); }
  int builtin_code(int op) const {
    int old = code(op).Scalar<int8_t>(0, 0), newer = code(op).Scalar<int32_t>(3, 0);
    return old > newer ? old : newer;
  }

 private:
  static TfLiteIntArray* Array(Table table, int slot) {
    return reinterpret_cast<TfLiteIntArray*>(const_cast<uint8_t*>(table.Follow(slot)));
  }
  Table Tensor(int index) const { return graph_.Item(0, index); }
  Table Operator(int index) const { return graph_.Item(3, index); }
  Table Quantization(int tensor) const { return {Tensor(tensor).Follow(4)}; }
  Table model_;
  Table graph_;
};

}  // namespace file
#endif
