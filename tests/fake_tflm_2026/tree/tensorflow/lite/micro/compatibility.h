#ifndef FAKE_COMPATIBILITY_H_
#define FAKE_COMPATIBILITY_H_
#ifdef TF_LITE_STATIC_MEMORY
#define TF_LITE_REMOVE_VIRTUAL_DELETE \
  void operator delete(void*) {}
#else
#define TF_LITE_REMOVE_VIRTUAL_DELETE
#endif
#endif
