#ifndef FAKE_MICRO_INTERPRETER_CONTEXT_H_
#define FAKE_MICRO_INTERPRETER_CONTEXT_H_
#include "tensorflow/lite/micro/micro_interpreter_graph.h"

namespace tflite {

class MicroInterpreterContext {
 public:
  MicroInterpreterContext(MicroAllocator* allocator, const Model* model,
                          MicroInterpreterGraph* graph);
  virtual ~MicroInterpreterContext();
  void* AllocatePersistentBuffer(size_t bytes);
  TfLiteStatus RequestScratchBufferInArena(size_t bytes, int* buffer_index);
  void* GetScratchBuffer(int buffer_index);
  TF_LITE_REMOVE_VIRTUAL_DELETE

 private:
  friend class MicroInterpreter;
  friend class Kernels;
  MicroAllocator& allocator_;
  MicroInterpreterGraph& graph_;
  const Model* model_;
  ScratchBufferHandle* scratch_buffer_handles_ = nullptr;
  int unused_[6];
};

}  // namespace tflite
#endif
