#ifndef FAKE_FLATBUFFERS_H_
#define FAKE_FLATBUFFERS_H_
#include <cstdint>
#include <cstring>

#include "flatbuffers/base.h"

namespace flatbuffers {

// A table in a file, read where it lies.
struct Table {
  const uint8_t* at = nullptr;
  explicit operator bool() const { return at != nullptr; }

  template <typename T>
  static T Load(const uint8_t* from) {
    T value;
    memcpy(&value, from, sizeof(value));
    return value;
  }
  const uint8_t* Field(int slot) const {
    const uint8_t* vtable = at - Load<int32_t>(at);
    int entry = 4 + 2 * slot;
    if (entry >= Load<uint16_t>(vtable)) return nullptr;
    uint16_t offset = Load<uint16_t>(vtable + entry);
    return offset ? at + offset : nullptr;
  }
  template <typename T>
  T Scalar(int slot, T otherwise) const {
    const uint8_t* field = Field(slot);
    return field ? Load<T>(field) : otherwise;
  }
  // First byte behind an offset: a table, or the length of a vector.
  const uint8_t* Follow(int slot) const {
    const uint8_t* field = Field(slot);
    return field ? field + Load<uint32_t>(field) : nullptr;
  }
  uint32_t Count(int slot) const {
    const uint8_t* vector = Follow(slot);
    return vector ? Load<uint32_t>(vector) : 0;
  }
  Table Item(int slot, uint32_t index) const {
    const uint8_t* entry = Follow(slot) + 4 + 4 * index;
    return {entry + Load<uint32_t>(entry)};
  }
  const uint8_t* Items(int slot) const { return Count(slot) ? Follow(slot) + 4 : nullptr; }
};

}  // namespace flatbuffers
#endif
