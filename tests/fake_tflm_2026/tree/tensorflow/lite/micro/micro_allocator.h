#ifndef FAKE_MICRO_ALLOCATOR_H_
#define FAKE_MICRO_ALLOCATOR_H_
#include "tensorflow/lite/micro/arena_allocator/single_arena_buffer_allocator.h"
#include "tensorflow/lite/micro/memory_planner/greedy_memory_planner.h"
#include "tensorflow/lite/micro/micro_common.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace tflite {

enum class MemoryPlannerType { kGreedy, kLinear };

struct NodeAndRegistration {
  TfLiteNode node;
  const TFLMRegistration* registration;
};

struct ScratchBufferHandle {
  uint8_t* data;
};

struct SubgraphAllocations {
  NodeAndRegistration* node_and_registrations;
  TfLiteEvalTensor* tensors;
};

static_assert(sizeof(NodeAndRegistration) == 32 && sizeof(SubgraphAllocations) == 8, "as noted");

class MicroAllocator {
 public:
  static MicroAllocator* Create(uint8_t* tensor_arena, size_t arena_size,
                                MemoryPlannerType memory_planner_type = MemoryPlannerType::kGreedy);
  MicroAllocator(SingleArenaBufferAllocator* memory_allocator, GreedyMemoryPlanner* memory_planner);
  virtual ~MicroAllocator();
  SubgraphAllocations* StartModelAllocation(const Model* model);
  TfLiteStatus FinishModelAllocation(const Model* model, SubgraphAllocations* subgraph_allocations,
                                     ScratchBufferHandle** scratch_buffer_handles);
  virtual TfLiteTensor* AllocateTensor(const Model* model, const SubgraphAllocations* allocations,
                                       int tensor_index, bool temporary);
  TfLiteStatus FinishPrepareNodeAllocations(int node_id);
  void* AllocatePersistentBuffer(size_t bytes);
  TfLiteStatus RequestScratchBufferInArena(size_t bytes, int subgraph_idx, int* buffer_idx);
  virtual TfLiteStatus CommitStaticMemoryPlan(const Model* model, SubgraphAllocations* allocations,
                                              ScratchBufferHandle* scratch_buffer_handles);
  size_t used_bytes() const;
  TfLiteStatus ResetTempAllocations();
  TF_LITE_REMOVE_VIRTUAL_DELETE

 private:
  friend struct Layout;
  struct Request {
    size_t bytes;
    int node_idx;
    int subgraph_idx;
  };
  SingleArenaBufferAllocator* memory() const;
  INonPersistentBufferAllocator* non_persistent_buffer_allocator_;
  IPersistentBufferAllocator* persistent_buffer_allocator_;
  void* builtin_data_allocator_;
  MicroMemoryPlanner* memory_planner_;
  bool model_is_allocating_ = false;
  size_t scratch_buffer_request_count_ = 0;
  uint8_t* scratch_buffer_head_ = nullptr;
  size_t max_head_buffer_usage_ = 0;
};

static_assert(sizeof(MicroAllocator) == 36, "as noted");

}  // namespace tflite
#endif
