#ifndef FAKE_GREEDY_MEMORY_PLANNER_H_
#define FAKE_GREEDY_MEMORY_PLANNER_H_
#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/micro/compatibility.h"

namespace tflite {

class MicroMemoryPlanner {
 public:
  virtual ~MicroMemoryPlanner() {}
  virtual TfLiteStatus AddBuffer(int size, int first_time_used, int last_time_used) = 0;
  TF_LITE_REMOVE_VIRTUAL_DELETE
};

class GreedyMemoryPlanner : public MicroMemoryPlanner {
 public:
  GreedyMemoryPlanner();
  ~GreedyMemoryPlanner() override;
  TfLiteStatus Init(unsigned char* scratch_buffer, int scratch_buffer_size);
  TfLiteStatus AddBuffer(int size, int first_time_used, int last_time_used) override;
  size_t GetMaximumMemorySize();
  int GetOffset(int buffer_index);
  TF_LITE_REMOVE_VIRTUAL_DELETE

 private:
  struct Requirement {
    int size;
    int offset;
    int first;
    int last;
    int padding[5];  // with its offset, a planned buffer takes 40 bytes
  };
  void Plan();
  friend struct Layout;
  int max_buffer_count_ = 0;
  int buffer_count_ = 0;
  Requirement* requirements_ = nullptr;
  int planned_ = 0;
  int unused_[4];
  int* buffer_offsets_ = nullptr;
  int unused_too_;
};

static_assert(sizeof(GreedyMemoryPlanner) == 44, "as noted");

}  // namespace tflite
#endif
