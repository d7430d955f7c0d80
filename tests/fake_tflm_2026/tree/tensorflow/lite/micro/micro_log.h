#ifndef FAKE_MICRO_LOG_H_
#define FAKE_MICRO_LOG_H_
#include <cstdarg>
#include <cstddef>

#if !defined(TF_LITE_STRIP_ERROR_STRINGS)
void MicroPrintf(const char* format, ...);
void VMicroPrintf(const char* format, va_list args);
#else
#define MicroPrintf(...)
#define VMicroPrintf(...)
#endif
int MicroVsnprintf(char* buffer, size_t size, const char* format, va_list args);

inline void AbortImpl() {
  MicroPrintf("HALTED");
  while (true) {
  }
}
#ifdef NDEBUG
#define FAKE_DCHECK(condition) ((void)0)
#else
#define FAKE_DCHECK(condition) ((condition) ? (void)0 : AbortImpl())
#endif
#endif
