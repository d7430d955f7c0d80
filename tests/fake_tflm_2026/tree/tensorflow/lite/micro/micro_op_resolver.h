#ifndef FAKE_MICRO_OP_RESOLVER_H_
#define FAKE_MICRO_OP_RESOLVER_H_
#include "tensorflow/lite/micro/compatibility.h"
#include "tensorflow/lite/micro/micro_common.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace tflite {

typedef TfLiteStatus (*TfLiteBridgeBuiltinParseFunction)(const void* op, void** builtin_data);

class MicroOpResolver {
 public:
  virtual const TFLMRegistration* FindOp(BuiltinOperator op) const = 0;
  virtual const TFLMRegistration* FindOp(const char* op) const = 0;
  virtual ~MicroOpResolver() {}
  TF_LITE_REMOVE_VIRTUAL_DELETE
};

}  // namespace tflite
#endif
