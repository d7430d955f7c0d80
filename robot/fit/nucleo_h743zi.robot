*** Settings ***
Documentation       Every zoo model on NUCLEO-H743ZI and -H743ZI2. Made of docs/zoo-on-boards.md by
...                 pytest tests/integration/test_robot.py --update-golden; do not edit it.
Resource            ../bench.resource
Test Tags           kind:fit    board:nucleo_h743zi    core:cortex-m7fd


*** Test Cases ***
separation_w8
    [Tags]    model:separation_w8    slow
    Model Fits    separation_w8    nucleo_h743zi

separation_w16
    [Tags]    model:separation_w16    slow
    Model Fits    separation_w16    nucleo_h743zi

separation_w8_upsampling2d
    [Tags]    model:separation_w8_upsampling2d
    Model Fails    separation_w8_upsampling2d    nucleo_h743zi    op_missing

separation_w8_fp32
    [Tags]    model:separation_w8_fp32    slow
    Model Does Not Fit    separation_w8_fp32    nucleo_h743zi    ram

separation_w16_fp32
    [Tags]    model:separation_w16_fp32    slow
    Model Does Not Fit    separation_w16_fp32    nucleo_h743zi    ram

keyword_spotter
    [Tags]    model:keyword_spotter
    Model Fits    keyword_spotter    nucleo_h743zi

image_classifier
    [Tags]    model:image_classifier    slow
    Model Fits    image_classifier    nucleo_h743zi

visual_wake_word
    [Tags]    model:visual_wake_word    slow
    Model Fits    visual_wake_word    nucleo_h743zi

anomaly_detector
    [Tags]    model:anomaly_detector
    Model Fits    anomaly_detector    nucleo_h743zi

speech_recognizer
    [Tags]    model:speech_recognizer
    Model Fits    speech_recognizer    nucleo_h743zi

sensor_fusion
    [Tags]    model:sensor_fusion
    Model Fits    sensor_fusion    nucleo_h743zi

depthwise_float
    [Tags]    model:depthwise_float
    Model Fits    depthwise_float    nucleo_h743zi

tiny_float
    [Tags]    model:tiny_float
    Model Fits    tiny_float    nucleo_h743zi

fails_conv_transposed
    [Tags]    model:fails_conv_transposed
    Model Fails    fails_conv_transposed    nucleo_h743zi    op_missing

fails_dynamic_batch
    [Tags]    model:fails_dynamic_batch
    Model Fails    fails_dynamic_batch    nucleo_h743zi    op_missing

fails_gelu
    [Tags]    model:fails_gelu
    Model Fails    fails_gelu    nucleo_h743zi    op_code_out_of_range

fails_select_tf_ops
    [Tags]    model:fails_select_tf_ops
    Model Fails    fails_select_tf_ops    nucleo_h743zi    custom_op_missing

fails_dense_per_channel
    [Tags]    model:fails_dense_per_channel
    Model Fails    fails_dense_per_channel    nucleo_h743zi    silent_wrong_result

fails_dense_3d
    [Tags]    model:fails_dense_3d
    Model Fails    fails_dense_3d    nucleo_h743zi    silent_wrong_result

fails_conv_grouped
    [Tags]    model:fails_conv_grouped
    Model Fails    fails_conv_grouped    nucleo_h743zi    silent_wrong_result

fails_relu_rescaled
    [Tags]    model:fails_relu_rescaled
    Model Fails    fails_relu_rescaled    nucleo_h743zi    silent_wrong_result

fails_hybrid_dense
    [Tags]    model:fails_hybrid_dense
    Model Fails    fails_hybrid_dense    nucleo_h743zi    hybrid_or_uint8

fails_hybrid_conv
    [Tags]    model:fails_hybrid_conv
    Model Fails    fails_hybrid_conv    nucleo_h743zi    hybrid_or_uint8

fails_int16x8
    [Tags]    model:fails_int16x8
    Model Fails    fails_int16x8    nucleo_h743zi    hybrid_or_uint8

fails_float16
    [Tags]    model:fails_float16
    Model Fails    fails_float16    nucleo_h743zi    unsupported_type

fails_mean_int8
    [Tags]    model:fails_mean_int8
    Model Fails    fails_mean_int8    nucleo_h743zi    unsupported_type

fails_mean_1d
    [Tags]    model:fails_mean_1d
    Model Fails    fails_mean_1d    nucleo_h743zi    bad_params

fails_broadcast_5d
    [Tags]    model:fails_broadcast_5d
    Model Fails    fails_broadcast_5d    nucleo_h743zi    halted

fails_split_unused
    [Tags]    model:fails_split_unused
    Model Fails    fails_split_unused    nucleo_h743zi    planner_lifetime

fails_lstm
    [Tags]    model:fails_lstm
    Model Fails    fails_lstm    nucleo_h743zi    multi_subgraph

fails_dynamic_slice
    [Tags]    model:fails_dynamic_slice
    Model Fails    fails_dynamic_slice    nucleo_h743zi    dynamic_tensor

fails_custom_options
    [Tags]    model:fails_custom_options
    Model Fails    fails_custom_options    nucleo_h743zi    bad_model
