// The runtime's API of August 2026, as far as the runner needs it.
#ifndef LAB_API_2026_08_H_
#define LAB_API_2026_08_H_

#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <new>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_log.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

#include "runner.h"

namespace lab {

using Resolver = tflite::MicroOpResolver;

// The operators of this model only; generated (see ops_2026_08.cc.j2).
Resolver& MakeResolver();

inline tflite::MicroInterpreter* MakeInterpreter(void* storage, const void* model,
                                                 Resolver& resolver, uint8_t* arena,
                                                 uint32_t arena_bytes) {
  return new (storage)
      tflite::MicroInterpreter(tflite::GetModel(model), resolver, arena, arena_bytes);
}

inline void EndLog() {}  // nothing is logged once measuring is over

}  // namespace lab

#if defined(LAB_LOG_CALLBACK)

// The library's own DebugLog comes with functions that are needed: it hands over what it formats.
extern "C" void RegisterDebugLogCallback(void (*callback)(const char* text));

namespace lab {
inline void StartLog() { RegisterDebugLogCallback(Log); }
}  // namespace lab

#else

namespace lab {
inline void StartLog() {}
}  // namespace lab

#if defined(LAB_RUNNER)

// Formatted by the C library straight into the log: no buffer, no heap, no stack but vsnprintf's
// own. The library has both in one member; defined here both, that member stays out of the image.
extern "C" int DebugVsnprintf(char* buffer, size_t size, const char* format, va_list args) {
  return vsnprintf(buffer, size, format, args);
}

extern "C" void DebugLog(const char* format, va_list args) {
  uint32_t room = kLabLogBytes - lab_mailbox.log_bytes;
  int length = vsnprintf(lab_mailbox.log + lab_mailbox.log_bytes, room, format, args);
  if (length < 0 || room == 0) return;
  uint32_t written = static_cast<uint32_t>(length) < room ? length : room - 1;
  lab_mailbox.log_bytes += written;
}

#endif
#endif

#endif  // LAB_API_2026_08_H_
