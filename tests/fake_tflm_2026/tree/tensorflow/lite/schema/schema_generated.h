#ifndef FAKE_SCHEMA_GENERATED_H_
#define FAKE_SCHEMA_GENERATED_H_
#include "flatbuffers/flatbuffers.h"

static_assert(FLATBUFFERS_VERSION_MAJOR == 25 && FLATBUFFERS_VERSION_MINOR == 9 &&
                  FLATBUFFERS_VERSION_REVISION == 23,
              "Non-compatible flatbuffers version included");

namespace tflite {

enum BuiltinOperator : int32_t {
  BuiltinOperator_AVERAGE_POOL_2D = 1,
  BuiltinOperator_CONV_2D = 3,
  BuiltinOperator_DEPTHWISE_CONV_2D = 4,
  BuiltinOperator_FULLY_CONNECTED = 9,
  BuiltinOperator_RESHAPE = 22,
  BuiltinOperator_SOFTMAX = 25,
  BuiltinOperator_CUSTOM = 32,
  BuiltinOperator_CEIL = 104,
  BuiltinOperator_CALL_ONCE = 129,
  BuiltinOperator_MAX = 209,
};

// The file is the object: a pointer to a model points to its table.
struct Model {
  flatbuffers::Table table() const { return {reinterpret_cast<const uint8_t*>(this)}; }
  uint32_t version() const { return table().Scalar<uint32_t>(0, 0); }
};

inline const Model* GetModel(const void* buffer) {
  const uint8_t* bytes = static_cast<const uint8_t*>(buffer);
  return reinterpret_cast<const Model*>(bytes + flatbuffers::Table::Load<uint32_t>(bytes));
}

}  // namespace tflite
#endif
