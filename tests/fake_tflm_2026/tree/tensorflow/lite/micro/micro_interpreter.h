#ifndef FAKE_MICRO_INTERPRETER_H_
#define FAKE_MICRO_INTERPRETER_H_
#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_interpreter_context.h"
#include "tensorflow/lite/micro/micro_interpreter_graph.h"
#include "tensorflow/lite/micro/micro_op_resolver.h"
#include "tensorflow/lite/micro/micro_profiler_interface.h"
#include "tensorflow/lite/micro/micro_resource_variable.h"
#include "tensorflow/lite/schema/schema_generated.h"

#define TFLITE_SCHEMA_VERSION (3)

namespace tflite {

class MicroInterpreter {
 public:
  MicroInterpreter(const Model* model, const MicroOpResolver& op_resolver, uint8_t* tensor_arena,
                   size_t tensor_arena_size, MicroResourceVariables* resource_variables = nullptr,
                   MicroProfilerInterface* profiler = nullptr, bool preserve_all_tensors = false);
  MicroInterpreter(const Model* model, const MicroOpResolver& op_resolver,
                   MicroAllocator* allocator, MicroResourceVariables* resource_variables = nullptr,
                   MicroProfilerInterface* profiler = nullptr);
  ~MicroInterpreter();
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteTensor* input(size_t index);
  size_t inputs_size() const;
  TfLiteTensor* output(size_t index);
  size_t outputs_size() const;
  TfLiteStatus initialization_status() const { return initialization_status_; }
  size_t arena_used_bytes() const;

 private:
  friend struct Layout;
  TfLiteStatus PrepareNodeAndRegistrationDataFromFlatbuffer();
  TfLiteStatus AllocatePersistent(TfLiteTensor*** tensors, int slot, const char* which);

  const Model* model_;
  const MicroOpResolver& op_resolver_;
  TfLiteContext context_ = {};
  MicroAllocator& allocator_;
  MicroInterpreterGraph graph_;
  bool tensors_allocated_;
  TfLiteStatus initialization_status_;
  ScratchBufferHandle* scratch_buffer_handles_ = nullptr;
  TfLiteTensor** input_tensors_;
  TfLiteTensor** output_tensors_;
  MicroInterpreterContext micro_context_;
};

static_assert(sizeof(MicroInterpreter) == 208, "as noted");

}  // namespace tflite
#endif
