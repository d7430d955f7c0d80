#ifndef FAKE_SINGLE_ARENA_BUFFER_ALLOCATOR_H_
#define FAKE_SINGLE_ARENA_BUFFER_ALLOCATOR_H_
#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/micro/compatibility.h"

namespace tflite {

class INonPersistentBufferAllocator {
 public:
  virtual ~INonPersistentBufferAllocator() {}
  virtual uint8_t* AllocateTemp(size_t size, size_t alignment) = 0;
  virtual TfLiteStatus ResetTempAllocations() = 0;
  virtual TfLiteStatus ResizeBuffer(uint8_t* buffer, size_t size, size_t alignment) = 0;
  virtual size_t GetAvailableMemory(size_t alignment) const = 0;
  TF_LITE_REMOVE_VIRTUAL_DELETE
};

class IPersistentBufferAllocator {
 public:
  virtual ~IPersistentBufferAllocator() {}
  virtual uint8_t* AllocatePersistentBuffer(size_t size, size_t alignment) = 0;
  TF_LITE_REMOVE_VIRTUAL_DELETE
};

class SingleArenaBufferAllocator : public INonPersistentBufferAllocator,
                                   public IPersistentBufferAllocator {
 public:
  SingleArenaBufferAllocator(uint8_t* buffer_head, uint8_t* buffer_tail);
  ~SingleArenaBufferAllocator() override;
  static SingleArenaBufferAllocator* Create(uint8_t* buffer_head, size_t buffer_size);
  uint8_t* AllocateTemp(size_t size, size_t alignment) override;
  TfLiteStatus ResetTempAllocations() override;
  TfLiteStatus ResizeBuffer(uint8_t* buffer, size_t size, size_t alignment) override;
  size_t GetAvailableMemory(size_t alignment) const override;
  uint8_t* AllocatePersistentBuffer(size_t size, size_t alignment) override;
  size_t GetUsedBytes() const;
  uint8_t* head() const { return head_; }
  TF_LITE_REMOVE_VIRTUAL_DELETE

 private:
  friend struct Layout;
  uint8_t* buffer_head_;
  uint8_t* buffer_tail_;
  uint8_t* head_;
  uint8_t* tail_;
  uint8_t* temp_;
  intptr_t temp_buffer_ptr_check_sum_ = 0;
  int temp_buffer_count_ = 0;
};

}  // namespace tflite
#endif
