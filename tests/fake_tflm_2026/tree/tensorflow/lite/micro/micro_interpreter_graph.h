#ifndef FAKE_MICRO_INTERPRETER_GRAPH_H_
#define FAKE_MICRO_INTERPRETER_GRAPH_H_
#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_resource_variable.h"

namespace tflite {

class MicroInterpreterGraph {
 public:
  MicroInterpreterGraph(TfLiteContext* context, const Model* model, MicroAllocator* allocator,
                        MicroResourceVariables* resource_variables);
  virtual ~MicroInterpreterGraph();
  virtual TfLiteStatus InitSubgraphs();
  virtual TfLiteStatus PrepareSubgraphs();
  virtual TfLiteStatus InvokeSubgraph(int subgraph_idx);
  TF_LITE_REMOVE_VIRTUAL_DELETE

 private:
  friend struct Layout;
  friend class MicroInterpreter;
  friend class Kernels;
  TfLiteContext* context_;
  const Model* model_;
  MicroAllocator* allocator_;
  SubgraphAllocations* subgraph_allocations_ = nullptr;
  int current_subgraph_index_;
  uint32_t current_operator_index_;
  MicroResourceVariables* resource_variables_;
  const void* subgraphs_ = nullptr;
};

}  // namespace tflite
#endif
