/* Reset to main for a bare Cortex-M: no clock set-up, no flash header; a lab image, not a product. */
#include <stdint.h>

extern uint32_t __data_load, __data_start, __data_end, __bss_start, __bss_end, __stack_top;

int main(void);
void __libc_init_array(void);
void Reset_Handler(void);

#if defined(__ARM_FP)
static volatile uint32_t* const CPACR = (volatile uint32_t*)0xE000ED88;
#endif

void Default_Handler(void) {
  for (;;) __asm volatile("");
}

__attribute__((section(".vectors"), used)) void* const vector_table[16] = {
    &__stack_top,    Reset_Handler,   Default_Handler, Default_Handler,
    Default_Handler, Default_Handler, Default_Handler, 0,
    0,               0,               0,               Default_Handler,
    Default_Handler, 0,               Default_Handler, Default_Handler,
};

/* Naked: a frame of its own would count as stack the product never uses. */
__attribute__((naked)) void Reset_Handler(void) { __asm volatile("bl lab_start\n b ."); }

__attribute__((used)) void lab_start(void) {
#if defined(__ARM_FP)
  *CPACR |= 0xFu << 20; /* full access to CP10 and CP11, the FPU */
  __asm volatile("dsb\n isb");
#endif
  const uint32_t* from = &__data_load;
  for (uint32_t* to = &__data_start; to < &__data_end;) *to++ = *from++;
  for (uint32_t* to = &__bss_start; to < &__bss_end;) *to++ = 0;
  __libc_init_array();
  main();
}

/* What the compiler's own start-up file has, for libraries that register destructors with it. */
void* __dso_handle = 0;

/* newlib calls these; nothing here has files, a heap or a process to end. */
void _init(void) {}
void _fini(void) {}
void _exit(int status) {
  (void)status;
  Default_Handler();
  __builtin_unreachable();
}
int _kill(int process, int signal) {
  (void)process;
  (void)signal;
  return -1;
}
int _getpid(void) { return 1; }
void* _sbrk(int bytes) {
  (void)bytes;
  return (void*)-1;
}
