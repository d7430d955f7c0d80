#include "tensorflow/lite/micro/micro_allocator.h"

#include <new>

#include "model.h"
#include "tensorflow/lite/micro/micro_log.h"

#ifdef FAKE_TANGLED
namespace tflite {
extern int needed_by_everybody;
}
#endif

namespace tflite {

static constexpr int kAlign = 16, kMaxScratch = 12;

struct AllocationInfo {
  size_t bytes;
  void** output_ptr;
  int first;
  int last;
  int32_t offline;
  bool needs;
};
static_assert(sizeof(AllocationInfo) == 24, "as noted");

MicroAllocator::MicroAllocator(SingleArenaBufferAllocator* memory, GreedyMemoryPlanner* planner)
    : non_persistent_buffer_allocator_(memory),
      persistent_buffer_allocator_(memory),
      builtin_data_allocator_(memory->AllocatePersistentBuffer(8, 4)),
      memory_planner_(planner) {}
MicroAllocator::~MicroAllocator() {}

MicroAllocator* MicroAllocator::Create(uint8_t* arena, size_t size, MemoryPlannerType) {
#ifdef FAKE_TANGLED
  if (!needed_by_everybody) return nullptr;
#endif
  uint8_t* aligned = reinterpret_cast<uint8_t*>((reinterpret_cast<uintptr_t>(arena) + 15) / 16 * 16);
  auto* memory = SingleArenaBufferAllocator::Create(aligned, arena + size - aligned);
  FAKE_DCHECK(memory != nullptr);
  auto* planner = new (memory->AllocatePersistentBuffer(sizeof(GreedyMemoryPlanner), 4))
      GreedyMemoryPlanner();
  return new (memory->AllocatePersistentBuffer(sizeof(MicroAllocator), 4))
      MicroAllocator(memory, planner);
}

SingleArenaBufferAllocator* MicroAllocator::memory() const {
  return static_cast<SingleArenaBufferAllocator*>(non_persistent_buffer_allocator_);
}

SubgraphAllocations* MicroAllocator::StartModelAllocation(const Model* model) {
  FAKE_DCHECK(model != nullptr);
  if (model_is_allocating_) {
    MicroPrintf("MicroAllocator: Model allocation started before "
                "finishing previously allocated model");
    return nullptr;
  }
  model_is_allocating_ = true;
  file::Graph graph(model);
  auto* subgraphs = reinterpret_cast<SubgraphAllocations*>(
      memory()->AllocatePersistentBuffer(sizeof(SubgraphAllocations), 4));
  if (!subgraphs) {
    MicroPrintf("Failed to allocate memory for model metadata.");
    return nullptr;
  }
  size_t bytes = graph.tensors() * sizeof(TfLiteEvalTensor);
  subgraphs->tensors =
      reinterpret_cast<TfLiteEvalTensor*>(memory()->AllocatePersistentBuffer(bytes, 4));
  if (!subgraphs->tensors) {
    MicroPrintf("Failed to allocate memory for context->eval_tensors, %d bytes required", bytes);
    return nullptr;
  }
  for (int i = 0; i < graph.tensors(); ++i) {
    subgraphs->tensors[i] = {{nullptr}, graph.dims(i), graph.type(i)};
    subgraphs->tensors[i].data.data = const_cast<void*>(graph.constant(i));
  }
  subgraphs->node_and_registrations = reinterpret_cast<NodeAndRegistration*>(
      memory()->AllocatePersistentBuffer(graph.operators() * sizeof(NodeAndRegistration), 4));
  if (!subgraphs->node_and_registrations) {
    MicroPrintf("Failed to allocate memory for node_and_registrations.");
    return nullptr;
  }
  // Requests for scratch buffers of one operator, at the head, until planning.
  size_t requests = kMaxScratch * sizeof(Request);
  if (memory()->ResizeBuffer(memory()->head(), requests, 4) != kTfLiteOk) return nullptr;
  scratch_buffer_head_ = memory()->head() - requests;
  return subgraphs;
}

TfLiteTensor* MicroAllocator::AllocateTensor(const Model* model, const SubgraphAllocations* graphs,
                                             int index, bool temporary) {
  file::Graph graph(model);
  auto allocate = [&](size_t bytes) {
    return temporary ? memory()->AllocateTemp(bytes, 4)
                     : memory()->AllocatePersistentBuffer(bytes, 4);
  };
  auto* tensor = reinterpret_cast<TfLiteTensor*>(allocate(sizeof(TfLiteTensor)));
  if (!tensor) {
    if (temporary) {
      MicroPrintf("Failed to allocate temp. memory for tensor %d, subgraph %d", index, 0);
    } else {
      MicroPrintf("Failed to allocate memory for persistent TfLiteTensor");
    }
    return nullptr;
  }
  *tensor = {};
  tensor->type = graph.type(index);
  tensor->dims = graph.dims(index);
  tensor->bytes = graph.bytes(index);
  tensor->data = graphs->tensors[index].data;
  tensor->allocation_type = graph.constant(index) ? kTfLiteMmapRo : kTfLiteArenaRw;
  int channels = graph.scales(index);
  if (channels) {
    tensor->params = {graph.scale(index, 0), graph.zero_point(index)};
    auto* affine = reinterpret_cast<TfLiteAffineQuantization*>(allocate(12));
    auto* zeros = affine ? reinterpret_cast<TfLiteIntArray*>(allocate(4 + 4 * channels)) : nullptr;
    if (!zeros) {
      MicroPrintf(temporary ? "Failed to populate a temp TfLiteTensor struct from flatbuffer data!"
                            : "Failed to populate a persistent TfLiteTensor struct from flatbuffer data!");
      return nullptr;
    }
    zeros->size = channels;
    for (int c = 0; c < channels; ++c) zeros->data[c] = graph.zero_point(index);
    *affine = {graph.scale_array(index), zeros, 0};
    tensor->quantization = {kTfLiteAffineQuantization, affine};
  }
  return tensor;
}

void* MicroAllocator::AllocatePersistentBuffer(size_t bytes) {
  return memory()->AllocatePersistentBuffer(bytes, kAlign);
}

TfLiteStatus MicroAllocator::RequestScratchBufferInArena(size_t bytes, int subgraph, int* index) {
  if (scratch_buffer_request_count_ >= kMaxScratch) {
    MicroPrintf("Scratch buffer request exceeds limit per operator (%d)", kMaxScratch);
    return kTfLiteError;
  }
  auto* requests = reinterpret_cast<Request*>(scratch_buffer_head_);
  requests[scratch_buffer_request_count_] = {bytes, -1, subgraph};
  *index = scratch_buffer_request_count_++;
  return kTfLiteOk;
}

TfLiteStatus MicroAllocator::ResetTempAllocations() {
  return non_persistent_buffer_allocator_->ResetTempAllocations();
}

TfLiteStatus MicroAllocator::FinishPrepareNodeAllocations(int node_id) {
  ResetTempAllocations();
  auto* requests = reinterpret_cast<Request*>(scratch_buffer_head_);
  for (size_t i = 0; i < scratch_buffer_request_count_; ++i) {
    if (requests[i].node_idx < 0) requests[i].node_idx = node_id;
  }
  size_t bytes = (scratch_buffer_request_count_ + kMaxScratch) * sizeof(Request);
  return memory()->ResizeBuffer(scratch_buffer_head_, bytes, 4);
}

TfLiteStatus MicroAllocator::FinishModelAllocation(const Model* model, SubgraphAllocations* graphs,
                                                   ScratchBufferHandle** handles) {
  size_t bytes = scratch_buffer_request_count_ * sizeof(ScratchBufferHandle);
  *handles = reinterpret_cast<ScratchBufferHandle*>(memory()->AllocatePersistentBuffer(bytes, 4));
  TfLiteStatus status = CommitStaticMemoryPlan(model, graphs, *handles);
  model_is_allocating_ = false;
  return status;
}

__attribute__((noinline)) TfLiteStatus MicroAllocator::CommitStaticMemoryPlan(
    const Model* model, SubgraphAllocations* graphs, ScratchBufferHandle* handles) {
  file::Graph graph(model);
  int tensors = graph.tensors(), scratches = scratch_buffer_request_count_;
  size_t bytes = sizeof(AllocationInfo) * (tensors + scratches);
  auto* info = reinterpret_cast<AllocationInfo*>(memory()->AllocateTemp(bytes, 4));
  if (!info) {
    MicroPrintf("Failed to allocate memory for memory planning, %d bytes required", bytes);
    return kTfLiteError;
  }
  for (int i = 0; i < tensors; ++i) {
    bool needs = !graph.constant(i) && graph.bytes(i) != 0;
    info[i] = {graph.bytes(i), &graphs->tensors[i].data.data, -1, -1, -1, needs};
  }
  auto touch = [&](int tensor, int time) {
    if (tensor < 0) return;
    if (info[tensor].first < 0) info[tensor].first = time;
    info[tensor].last = time;
  };
  for (int i = 0; i < graph.list_size(1); ++i) touch(graph.list(1)[i], 0);
  for (int op = 0; op < graph.operators(); ++op) {
    const TfLiteIntArray *in = graph.op_inputs(op), *out = graph.op_outputs(op);
    for (int i = 0; i < in->size; ++i) touch(in->data[i], op + 1);
    for (int i = 0; i < out->size; ++i) touch(out->data[i], op + 1);
  }
  for (int i = 0; i < graph.list_size(2); ++i) touch(graph.list(2)[i], graph.operators());
  auto* requests = reinterpret_cast<Request*>(scratch_buffer_head_);
  for (int i = 0; i < scratches; ++i) {
    int time = requests[i].node_idx + 1;
    info[tensors + i] = {requests[i].bytes, reinterpret_cast<void**>(&handles[i].data), time, time,
                         -1, true};
  }
  size_t room = memory()->GetAvailableMemory(kAlign);
  uint8_t* work = memory()->AllocateTemp(room, kAlign);
  auto* planner = static_cast<GreedyMemoryPlanner*>(memory_planner_);
  planner->Init(work, room);
  for (int i = 0; i < tensors + scratches; ++i) {
    if (!info[i].needs) continue;
    int size = (info[i].bytes + kAlign - 1) / kAlign * kAlign;
    if (planner->AddBuffer(size, info[i].first, info[i].last) != kTfLiteOk) return kTfLiteError;
  }
  size_t head = planner->GetMaximumMemorySize();
  int planned = 0;
  for (int i = 0; i < tensors + scratches; ++i) {
    if (info[i].needs) *info[i].output_ptr = scratch_buffer_head_ + planner->GetOffset(planned++);
  }
  ResetTempAllocations();
  max_head_buffer_usage_ = head;
  return memory()->ResizeBuffer(scratch_buffer_head_, head, kAlign);
}

size_t MicroAllocator::used_bytes() const { return memory()->GetUsedBytes(); }

}  // namespace tflite
