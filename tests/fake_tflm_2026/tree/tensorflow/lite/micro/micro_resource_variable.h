#ifndef FAKE_MICRO_RESOURCE_VARIABLE_H_
#define FAKE_MICRO_RESOURCE_VARIABLE_H_
namespace tflite {
class MicroResourceVariables;
}
#endif
