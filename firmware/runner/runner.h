// What host and firmware tell each other. The host finds every field by the image's DWARF, so this
// struct may change freely. It lies in the lab window: memory that only the lab has, so that not a
// byte of the board's RAM is spent on being measured.
#ifndef LAB_RUNNER_H_
#define LAB_RUNNER_H_

#include <cstdint>

constexpr uint32_t kLabMaxTensors = 64;
constexpr uint32_t kLabLogBytes = 8192;

struct LabTensor {
  uint32_t address;
  uint32_t bytes;
};

struct LabMailbox {
  // Written by the host after reset.
  uint32_t arena;        // address, a multiple of 16
  uint32_t arena_bytes;  // a multiple of 16
  uint32_t invokes;
  uint32_t seed;
  uint32_t host_inputs;  // 1: the host writes the inputs when lab_before_invoke is reached
  // Written by the firmware.
  uint32_t interpreter;
  uint32_t status;  // TfLiteStatus of the last call
  uint32_t arena_used;
  uint32_t inputs;
  uint32_t outputs;
  LabTensor input[kLabMaxTensors];
  LabTensor output[kLabMaxTensors];
  uint32_t log_bytes;
  char log[kLabLogBytes];
};

extern "C" {
extern LabMailbox lab_mailbox;
extern const unsigned char lab_model[];

// Places where the host stops and looks; they do nothing.
void lab_allocated();
void lab_before_invoke();
void lab_after_invoke();
void lab_measured();
void lab_end();
}

namespace lab {

// Appends to the log; what finds no room is lost.
inline void Log(const char* text) {
  while (*text && lab_mailbox.log_bytes < kLabLogBytes) {
    lab_mailbox.log[lab_mailbox.log_bytes++] = *text++;
  }
}

}  // namespace lab

#endif  // LAB_RUNNER_H_
