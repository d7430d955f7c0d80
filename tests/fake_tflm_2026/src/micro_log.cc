#include "tensorflow/lite/micro/micro_log.h"

#include "tensorflow/lite/micro/debug_log.h"

#if !defined(TF_LITE_STRIP_ERROR_STRINGS)

namespace {
void Line(const char* format, ...) {
  va_list args;
  va_start(args, format);
  DebugLog(format, args);
  va_end(args);
}
}  // namespace

void VMicroPrintf(const char* format, va_list args) {
  DebugLog(format, args);
  Line("\r\n");
}

void MicroPrintf(const char* format, ...) {
  va_list args;
  va_start(args, format);
  VMicroPrintf(format, args);
  va_end(args);
}

#endif

int MicroVsnprintf(char* buffer, size_t size, const char* format, va_list args) {
  return DebugVsnprintf(buffer, size, format, args);
}
