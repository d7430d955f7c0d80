#include "tensorflow/lite/micro/memory_planner/greedy_memory_planner.h"
#include "tensorflow/lite/micro/micro_log.h"

namespace tflite {

GreedyMemoryPlanner::GreedyMemoryPlanner() {}
GreedyMemoryPlanner::~GreedyMemoryPlanner() {}

TfLiteStatus GreedyMemoryPlanner::Init(unsigned char* scratch_buffer, int scratch_buffer_size) {
  buffer_count_ = planned_ = 0;
  max_buffer_count_ = scratch_buffer_size / static_cast<int>(sizeof(Requirement) + sizeof(int));
  requirements_ = reinterpret_cast<Requirement*>(scratch_buffer);
  buffer_offsets_ = reinterpret_cast<int*>(requirements_ + max_buffer_count_);
  return kTfLiteOk;
}

__attribute__((noinline)) TfLiteStatus GreedyMemoryPlanner::AddBuffer(int size, int first,
                                                                      int last) {
  if (buffer_count_ >= max_buffer_count_) {
    MicroPrintf("Too many buffers (max is %d)", max_buffer_count_);
    return kTfLiteError;
  }
  requirements_[buffer_count_++] = {size, -1, first, last, {}};
  return kTfLiteOk;
}

// Largest first, each at the lowest place where nothing alive at the same time is.
void GreedyMemoryPlanner::Plan() {
  for (; planned_ < buffer_count_; ++planned_) {
    Requirement* next = nullptr;
    for (int i = 0; i < buffer_count_; ++i) {
      Requirement* one = &requirements_[i];
      if (one->offset < 0 && (!next || one->size > next->size)) next = one;
    }
    int place = 0;
    for (bool moved = true; moved;) {
      moved = false;
      for (int i = 0; i < buffer_count_; ++i) {
        const Requirement& other = requirements_[i];
        bool together = other.offset >= 0 && other.first <= next->last && next->first <= other.last;
        if (together && other.offset < place + next->size && place < other.offset + other.size) {
          place = other.offset + other.size;
          moved = true;
        }
      }
    }
    buffer_offsets_[next - requirements_] = next->offset = place;
  }
}

size_t GreedyMemoryPlanner::GetMaximumMemorySize() {
  Plan();
  int most = 0;
  for (int i = 0; i < buffer_count_; ++i) {
    int end = requirements_[i].offset + requirements_[i].size;
    if (end > most) most = end;
  }
  return most;
}

int GreedyMemoryPlanner::GetOffset(int index) {
  Plan();
  return buffer_offsets_[index];
}

}  // namespace tflite
