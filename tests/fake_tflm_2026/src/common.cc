#include "tensorflow/lite/c/common.h"

#include <cstdlib>

#ifndef TF_LITE_STATIC_MEMORY
extern "C" TfLiteIntArray* TfLiteIntArrayCreate(int size) {
  auto* array = static_cast<TfLiteIntArray*>(malloc(4 + 4 * size));
  array->size = size;
  return array;
}
#endif
