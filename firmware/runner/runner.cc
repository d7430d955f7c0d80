// Runs one model with one runtime on one board, the way a product would: static interpreter and
// resolver, model in flash, arena and stack where the linker script and the host put them.
#include "runner.h"

#define LAB_RUNNER  // the file that defines what the runtime wants from its platform
#include "api.h"

namespace lab {
namespace {

alignas(tflite::MicroInterpreter) unsigned char storage[sizeof(tflite::MicroInterpreter)];

// The kernels' behaviour on a failed allocation depends on what the arena held before: an operator
// table that was never written is walked by the destructor. Cleared, runs are reproducible.
void Clear(uint32_t address, uint32_t bytes) {
  uint32_t* word = reinterpret_cast<uint32_t*>(address);
  for (uint32_t* end = word + bytes / 4; word < end; word += 4) {
    word[0] = word[1] = word[2] = word[3] = 0;
  }
}

// xorshift32 (Marsaglia 2003); lab/measure/inputs.py computes the same on the host.
uint32_t Random(uint32_t* state) {
  uint32_t x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}

// Values a model can do something with: integers of 8 and 16 bits over their range, floats in
// [0, 1), indices 0..3, booleans 0 and 1.
void Fill(TfLiteTensor* tensor, uint32_t* state) {
  switch (tensor->type) {
    case kTfLiteFloat32:
      for (uint32_t i = 0; i < tensor->bytes / 4; ++i) {
        tensor->data.f[i] = static_cast<float>(Random(state) >> 8) * (1.0f / 16777216.0f);
      }
      break;
    case kTfLiteInt32:
      for (uint32_t i = 0; i < tensor->bytes / 4; ++i) tensor->data.i32[i] = Random(state) >> 30;
      break;
    case kTfLiteInt64:
      for (uint32_t i = 0; i < tensor->bytes / 8; ++i) tensor->data.i64[i] = Random(state) >> 30;
      break;
    case kTfLiteInt16:
      for (uint32_t i = 0; i < tensor->bytes / 2; ++i) tensor->data.i16[i] = Random(state) >> 16;
      break;
    case kTfLiteBool:
      for (uint32_t i = 0; i < tensor->bytes; ++i) tensor->data.uint8[i] = Random(state) >> 31;
      break;
    default:
      for (uint32_t i = 0; i < tensor->bytes; ++i) tensor->data.uint8[i] = Random(state) >> 24;
  }
}

LabTensor Describe(const TfLiteTensor* tensor) {
  return {reinterpret_cast<uint32_t>(tensor->data.raw), static_cast<uint32_t>(tensor->bytes)};
}

uint32_t Capped(uint32_t count) { return count < kLabMaxTensors ? count : kLabMaxTensors; }

void DescribeTensors(tflite::MicroInterpreter* interpreter) {
  lab_mailbox.inputs = interpreter->inputs_size();
  for (uint32_t i = 0; i < Capped(lab_mailbox.inputs); ++i) {
    lab_mailbox.input[i] = Describe(interpreter->input(i));
  }
  lab_mailbox.outputs = interpreter->outputs_size();
  for (uint32_t i = 0; i < Capped(lab_mailbox.outputs); ++i) {
    lab_mailbox.output[i] = Describe(interpreter->output(i));
  }
}

// Inputs are written anew for every inference: the planner may reuse their memory.
void GenerateInputs(tflite::MicroInterpreter* interpreter, uint32_t invoke) {
  uint32_t state = lab_mailbox.seed + invoke * 0x9E3779B9u;
  if (state == 0) state = 1;
  for (uint32_t i = 0; i < lab_mailbox.inputs; ++i) Fill(interpreter->input(i), &state);
}

TfLiteStatus Run(tflite::MicroInterpreter* interpreter) {
  TfLiteStatus status = kTfLiteOk;
  for (uint32_t i = 0; status == kTfLiteOk && i < lab_mailbox.invokes; ++i) {
    if (!lab_mailbox.host_inputs) GenerateInputs(interpreter, i);
    lab_before_invoke();
    status = interpreter->Invoke();
    lab_mailbox.status = status;
    lab_after_invoke();
  }
  return status;
}

}  // namespace
}  // namespace lab

extern "C" {

__attribute__((section(".lab"), used)) LabMailbox lab_mailbox;

__attribute__((noinline, used)) void lab_allocated() { asm volatile(""); }
__attribute__((noinline, used)) void lab_before_invoke() { asm volatile("" ::: "memory"); }
__attribute__((noinline, used)) void lab_after_invoke() { asm volatile("" ::: "memory"); }
__attribute__((noinline, used)) void lab_measured() { asm volatile(""); }
__attribute__((noinline, used)) void lab_end() {
  for (;;) asm volatile("");
}

}  // extern "C"

int main() {
  lab::StartLog();
  lab::Clear(lab_mailbox.arena, lab_mailbox.arena_bytes);
  lab::Resolver& resolver = lab::MakeResolver();
  auto* interpreter =
      lab::MakeInterpreter(lab::storage, lab_model, resolver,
                           reinterpret_cast<uint8_t*>(lab_mailbox.arena), lab_mailbox.arena_bytes);
  lab_mailbox.interpreter = reinterpret_cast<uint32_t>(interpreter);
  TfLiteStatus status = interpreter->AllocateTensors();
  lab_mailbox.status = status;
  if (status == kTfLiteOk) lab::DescribeTensors(interpreter);
  lab_allocated();
  if (status == kTfLiteOk) status = lab::Run(interpreter);
  lab_measured();
  if (status == kTfLiteOk) {
    lab::EndLog();
    lab_mailbox.arena_used = interpreter->arena_used_bytes();
  }
  lab_end();
}
