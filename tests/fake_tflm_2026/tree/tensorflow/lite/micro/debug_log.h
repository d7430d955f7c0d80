#ifndef FAKE_DEBUG_LOG_H_
#define FAKE_DEBUG_LOG_H_
#include <cstdarg>
#include <cstddef>
extern "C" void DebugLog(const char* format, va_list args);
extern "C" int DebugVsnprintf(char* buffer, size_t size, const char* format, va_list args);
#endif
