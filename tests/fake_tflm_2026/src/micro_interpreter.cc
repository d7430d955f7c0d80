#include "tensorflow/lite/micro/micro_interpreter.h"

#include <cstring>

#include "model.h"
#include "tensorflow/lite/micro/micro_log.h"

namespace tflite {

// Where the lab's notes say that fields are.
struct Layout {
  static_assert(offsetof(MicroInterpreter, allocator_) == 108 &&
                    offsetof(MicroInterpreter, graph_) == 112 &&
                    offsetof(MicroInterpreter, tensors_allocated_) == 148 &&
                    offsetof(MicroInterpreter, scratch_buffer_handles_) == 152 &&
                    offsetof(MicroInterpreter, output_tensors_) == 160,
                "as noted");
  static_assert(offsetof(MicroInterpreterGraph, subgraph_allocations_) == 16 &&
                    offsetof(MicroInterpreterGraph, current_operator_index_) == 24,
                "as noted");
  static_assert(offsetof(MicroAllocator, memory_planner_) == 16 &&
                    offsetof(MicroAllocator, max_head_buffer_usage_) == 32,
                "as noted");
  static_assert(offsetof(SingleArenaBufferAllocator, buffer_head_) == 8 &&
                    offsetof(SingleArenaBufferAllocator, tail_) == 20 &&
                    offsetof(SingleArenaBufferAllocator, temp_buffer_count_) == 32,
                "as noted");
  static_assert(offsetof(GreedyMemoryPlanner, buffer_count_) == 8 &&
                    offsetof(GreedyMemoryPlanner, requirements_) == 12 &&
                    offsetof(GreedyMemoryPlanner, buffer_offsets_) == 36,
                "as noted");
};

MicroInterpreterGraph::MicroInterpreterGraph(TfLiteContext* context, const Model* model,
                                             MicroAllocator* allocator,
                                             MicroResourceVariables* resource_variables)
    : context_(context), model_(model), allocator_(allocator),
      resource_variables_(resource_variables) {}
MicroInterpreterGraph::~MicroInterpreterGraph() {}

TfLiteStatus MicroInterpreterGraph::InitSubgraphs() {
  file::Graph graph(model_);
  int before = current_operator_index_;
  current_subgraph_index_ = 0;
  for (int i = 0; i < graph.operators(); ++i) {
    NodeAndRegistration* one = &subgraph_allocations_->node_and_registrations[i];
    current_operator_index_ = i;
    if (one->registration->init) {
      one->node.user_data = one->registration->init(context_, nullptr, 0);
    }
  }
  current_operator_index_ = before;
  return kTfLiteOk;
}

TfLiteStatus MicroInterpreterGraph::PrepareSubgraphs() {
  file::Graph graph(model_);
  int before = current_operator_index_;
  for (int i = 0; i < graph.operators(); ++i) {
    NodeAndRegistration* one = &subgraph_allocations_->node_and_registrations[i];
    current_operator_index_ = i;
    TfLiteStatus status = kTfLiteOk;
    if (one->registration->prepare) status = one->registration->prepare(context_, &one->node);
    if (status != kTfLiteOk) {
      MicroPrintf("Node %s (number %d) failed to prepare with status %d", "OP", i, status);
      return kTfLiteError;
    }
    allocator_->FinishPrepareNodeAllocations(i);  // whatever comes of it
  }
  current_operator_index_ = before;
  return kTfLiteOk;
}

TfLiteStatus MicroInterpreterGraph::InvokeSubgraph(int subgraph) {
  file::Graph graph(model_);
  current_subgraph_index_ = subgraph;
  for (int i = 0; i < graph.operators(); ++i) {
    NodeAndRegistration* one = &subgraph_allocations_->node_and_registrations[i];
    current_operator_index_ = i;
    TfLiteStatus status = one->registration->invoke(context_, &one->node);
    allocator_->ResetTempAllocations();
    if (status != kTfLiteOk) {
      MicroPrintf("Node %s (number %d) failed to invoke with status %d", "OP", i, status);
      return status;
    }
  }
  return kTfLiteOk;
}

MicroInterpreterContext::MicroInterpreterContext(MicroAllocator* allocator, const Model* model,
                                                 MicroInterpreterGraph* graph)
    : allocator_(*allocator), graph_(*graph), model_(model) {}
MicroInterpreterContext::~MicroInterpreterContext() {}

void* MicroInterpreterContext::AllocatePersistentBuffer(size_t bytes) {
  return allocator_.AllocatePersistentBuffer(bytes);
}

TfLiteStatus MicroInterpreterContext::RequestScratchBufferInArena(size_t bytes, int* index) {
  return allocator_.RequestScratchBufferInArena(bytes, 0, index);
}

void* MicroInterpreterContext::GetScratchBuffer(int index) {
  return scratch_buffer_handles_[index].data;
}

MicroInterpreter::MicroInterpreter(const Model* model, const MicroOpResolver& op_resolver,
                                   uint8_t* arena, size_t size, MicroResourceVariables* variables,
                                   MicroProfilerInterface*, bool)
    : model_(model), op_resolver_(op_resolver), allocator_(*MicroAllocator::Create(arena, size)),
      graph_(&context_, model, &allocator_, variables), tensors_allocated_(false),
      initialization_status_(kTfLiteOk), micro_context_(&allocator_, model, &graph_) {
  context_.impl_ = &micro_context_;
}
MicroInterpreter::MicroInterpreter(const Model* model, const MicroOpResolver& op_resolver,
                                   MicroAllocator* allocator, MicroResourceVariables* variables,
                                   MicroProfilerInterface*)
    : model_(model), op_resolver_(op_resolver), allocator_(*allocator),
      graph_(&context_, model, &allocator_, variables), tensors_allocated_(false),
      initialization_status_(kTfLiteOk), micro_context_(&allocator_, model, &graph_) {
  context_.impl_ = &micro_context_;
}
MicroInterpreter::~MicroInterpreter() {}

TfLiteStatus MicroInterpreter::PrepareNodeAndRegistrationDataFromFlatbuffer() {
  file::Graph graph(model_);
  for (int i = 0; i < graph.operators(); ++i) {
    NodeAndRegistration* one = &graph_.subgraph_allocations_->node_and_registrations[i];
    int code = graph.builtin_code(i);
    if (code > BuiltinOperator_MAX) {
      MicroPrintf("Op builtin_code out of range: %d.", code);
      MicroPrintf("Failed to get registration from op code ");
      return kTfLiteError;
    }
    if (code == BuiltinOperator_CUSTOM) {
      const uint8_t* name = graph.code(i).Follow(1);
      one->registration = name ? op_resolver_.FindOp(reinterpret_cast<const char*>(name + 4)) : nullptr;
    } else {
      one->registration = op_resolver_.FindOp(static_cast<BuiltinOperator>(code));
      if (!one->registration) MicroPrintf("Didn't find op for builtin opcode '%s'", "OP");
    }
    if (!one->registration) {
      MicroPrintf("Failed to get registration from op code %s",
                  code == BuiltinOperator_CUSTOM ? "CUSTOM" : "OP");
      return kTfLiteError;
    }
    one->node = {graph.op_inputs(i), graph.op_outputs(i), nullptr, nullptr,
                 const_cast<uint8_t*>(graph.options(i).at), nullptr, 0};
  }
  return kTfLiteOk;
}

TfLiteStatus MicroInterpreter::AllocatePersistent(TfLiteTensor*** tensors, int slot,
                                                  const char* which) {
  file::Graph graph(model_);
  size_t bytes = sizeof(TfLiteTensor*) * graph.list_size(slot);
  *tensors = static_cast<TfLiteTensor**>(allocator_.AllocatePersistentBuffer(bytes));
  if (!*tensors) {
    MicroPrintf("Failed to allocate memory for context->%s_tensors_, %d bytes required", which,
                bytes);
    return kTfLiteError;
  }
  for (int i = 0; i < graph.list_size(slot); ++i) {
    (*tensors)[i] = allocator_.AllocateTensor(model_, graph_.subgraph_allocations_,
                                              graph.list(slot)[i], false);
    if (!(*tensors)[i]) {
      MicroPrintf("Failed to initialize %s tensor %d", which, i);
      return kTfLiteError;
    }
  }
  return kTfLiteOk;
}

TfLiteStatus MicroInterpreter::AllocateTensors() {
  graph_.subgraph_allocations_ = allocator_.StartModelAllocation(model_);
  if (!graph_.subgraph_allocations_) {
    MicroPrintf("Failed starting model allocation.\n");
    return kTfLiteError;
  }
  if (PrepareNodeAndRegistrationDataFromFlatbuffer() != kTfLiteOk) return kTfLiteError;
  if (graph_.InitSubgraphs() != kTfLiteOk) return kTfLiteError;
  if (graph_.PrepareSubgraphs() != kTfLiteOk) return kTfLiteError;
  if (allocator_.FinishModelAllocation(model_, graph_.subgraph_allocations_,
                                       &scratch_buffer_handles_) != kTfLiteOk) {
    return kTfLiteError;
  }
  micro_context_.scratch_buffer_handles_ = scratch_buffer_handles_;
  if (AllocatePersistent(&input_tensors_, 1, "input") != kTfLiteOk) return kTfLiteError;
  if (AllocatePersistent(&output_tensors_, 2, "output") != kTfLiteOk) return kTfLiteError;
  tensors_allocated_ = true;
  return kTfLiteOk;
}

TfLiteStatus MicroInterpreter::Invoke() {
  if (!tensors_allocated_ && AllocateTensors() != kTfLiteOk) return kTfLiteError;
  return graph_.InvokeSubgraph(0);
}

TfLiteTensor* MicroInterpreter::input(size_t index) { return input_tensors_[index]; }
TfLiteTensor* MicroInterpreter::output(size_t index) { return output_tensors_[index]; }
size_t MicroInterpreter::inputs_size() const { return file::Graph(model_).list_size(1); }
size_t MicroInterpreter::outputs_size() const { return file::Graph(model_).list_size(2); }
size_t MicroInterpreter::arena_used_bytes() const { return allocator_.used_bytes(); }

}  // namespace tflite
