#include "tensorflow/lite/micro/arena_allocator/single_arena_buffer_allocator.h"

#include <new>

#include "tensorflow/lite/micro/micro_log.h"

namespace tflite {

static uint8_t* Up(uint8_t* at, size_t to) {
  return reinterpret_cast<uint8_t*>((reinterpret_cast<uintptr_t>(at) + to - 1) / to * to);
}
static uint8_t* Down(uint8_t* at, size_t to) {
  return reinterpret_cast<uint8_t*>(reinterpret_cast<uintptr_t>(at) / to * to);
}

SingleArenaBufferAllocator::SingleArenaBufferAllocator(uint8_t* head, uint8_t* tail)
    : buffer_head_(head), buffer_tail_(tail), head_(head), tail_(tail), temp_(head) {}
SingleArenaBufferAllocator::~SingleArenaBufferAllocator() {}

SingleArenaBufferAllocator* SingleArenaBufferAllocator::Create(uint8_t* head, size_t size) {
  SingleArenaBufferAllocator first(head, head + size);
  // Unchecked, as in the real one: an arena that has no room for this ends in a fault.
  uint8_t* place = first.AllocatePersistentBuffer(sizeof(first), alignof(SingleArenaBufferAllocator));
  return new (place) SingleArenaBufferAllocator(first);
}

__attribute__((noinline)) uint8_t* SingleArenaBufferAllocator::AllocatePersistentBuffer(
    size_t size, size_t alignment) {
  uint8_t* place = Down(tail_ - size, alignment);
  if (place < head_) {
    MicroPrintf("Failed to allocate tail memory. Requested: %u, available %u, missing: %u", size,
                static_cast<size_t>(tail_ - head_), static_cast<size_t>(head_ - place));
    return nullptr;
  }
  tail_ = place;
  return place;
}

uint8_t* SingleArenaBufferAllocator::AllocateTemp(size_t size, size_t alignment) {
  uint8_t* place = Up(temp_, alignment);
  size_t available = tail_ - place;
  if (place + size > tail_) {
    MicroPrintf("Failed to allocate temp memory. Requested: %u, available %u, missing: %u", size,
                available, size - available);
    return nullptr;
  }
  temp_ = place + size;
  ++temp_buffer_count_;
  return place;
}

TfLiteStatus SingleArenaBufferAllocator::ResetTempAllocations() {
  temp_ = head_;
  temp_buffer_count_ = 0;
  return kTfLiteOk;
}

TfLiteStatus SingleArenaBufferAllocator::ResizeBuffer(uint8_t* buffer, size_t size,
                                                      size_t alignment) {
  uint8_t* place = Up(buffer, alignment);
  if (place + size > tail_) {
    MicroPrintf("Failed to resize buffer. Requested: %u, available %u, missing: %u", size,
                static_cast<size_t>(tail_ - place), static_cast<size_t>(place + size - tail_));
    return kTfLiteError;
  }
  head_ = place + size;
  temp_ = head_;
  return kTfLiteOk;
}

size_t SingleArenaBufferAllocator::GetAvailableMemory(size_t alignment) const {
  return Down(tail_, alignment) - Up(temp_, alignment);
}

size_t SingleArenaBufferAllocator::GetUsedBytes() const {
  return (head_ > temp_ ? head_ : temp_) - buffer_head_ + (buffer_tail_ - tail_);
}

}  // namespace tflite
