// The runtime's API of July 2020, as far as the runner needs it.
#ifndef LAB_API_2020_07_H_
#define LAB_API_2020_07_H_

#include <new>

#include "tensorflow/lite/micro/kernels/micro_ops.h"
#include "tensorflow/lite/micro/micro_error_reporter.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

#include "runner.h"

namespace lab {

using Resolver = tflite::MicroOpResolver;

// The stock reporter, but silent once measuring is over: arena_used_bytes() logs three lines, and
// formatting them would need stack that inference did not.
class Reporter : public tflite::MicroErrorReporter {
 public:
  int Report(const char* format, va_list args) override {
    return quiet ? 0 : tflite::MicroErrorReporter::Report(format, args);
  }
  bool quiet = false;

 private:
  TF_LITE_REMOVE_VIRTUAL_DELETE
};

extern Reporter reporter;

// The operators of this model only; generated (see ops_2020_07.cc.j2).
Resolver& MakeResolver();

inline tflite::MicroInterpreter* MakeInterpreter(void* storage, const void* model,
                                                 Resolver& resolver, uint8_t* arena,
                                                 uint32_t arena_bytes) {
  return new (storage) tflite::MicroInterpreter(tflite::GetModel(model), resolver, arena,
                                                arena_bytes, &reporter);
}

inline void StartLog() {}
inline void EndLog() { reporter.quiet = true; }

#ifdef LAB_RUNNER
Reporter reporter;
#endif

}  // namespace lab

#ifdef LAB_RUNNER
extern "C" void DebugLog(const char* text) { lab::Log(text); }
#endif

#endif  // LAB_API_2020_07_H_
