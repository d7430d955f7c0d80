// What the platform of a plain build has: one member with both functions.
#include "tensorflow/lite/micro/debug_log.h"

#include <cstdio>

#ifdef FAKE_GENERIC
static void (*callback)(const char* text);
extern "C" void RegisterDebugLogCallback(void (*to)(const char* text)) { callback = to; }
#endif

extern "C" void DebugLog(const char* format, va_list args) {
#ifdef FAKE_GENERIC
  static const int kLength = 256;
  char text[kLength];
  vsnprintf(text, kLength, format, args);
  if (callback) callback(text);
#else
  vfprintf(stderr, format, args);
#endif
}

extern "C" int DebugVsnprintf(char* buffer, size_t size, const char* format, va_list args) {
  return vsnprintf(buffer, size, format, args);
}

#ifdef FAKE_TANGLED
// Something that is needed lies in the same member, so that it cannot stay out of the image.
namespace tflite {
int needed_by_everybody = 1;
}
#endif
