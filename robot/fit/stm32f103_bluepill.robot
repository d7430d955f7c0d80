*** Settings ***
Documentation       Every zoo model on STM32F103 Blue Pill. Made of docs/zoo-on-boards.md by
...                 pytest tests/integration/test_robot.py --update-golden; do not edit it.
Resource            ../bench.resource
Test Tags           kind:fit    board:stm32f103_bluepill    core:cortex-m3


*** Test Cases ***
separation_w8
    [Tags]    model:separation_w8    slow
    Model Does Not Fit    separation_w8    stm32f103_bluepill    ram

separation_w16
    [Tags]    model:separation_w16    slow
    Model Does Not Fit    separation_w16    stm32f103_bluepill    ram

separation_w8_upsampling2d
    [Tags]    model:separation_w8_upsampling2d
    Model Fails    separation_w8_upsampling2d    stm32f103_bluepill    op_missing

separation_w8_fp32
    [Tags]    model:separation_w8_fp32    slow
    Model Does Not Fit    separation_w8_fp32    stm32f103_bluepill    ram

separation_w16_fp32
    [Tags]    model:separation_w16_fp32    slow
    Model Does Not Fit    separation_w16_fp32    stm32f103_bluepill    ram

keyword_spotter
    [Tags]    model:keyword_spotter
    Model Does Not Fit    keyword_spotter    stm32f103_bluepill    ram

image_classifier
    [Tags]    model:image_classifier    slow
    Model Does Not Fit    image_classifier    stm32f103_bluepill    ram

visual_wake_word
    [Tags]    model:visual_wake_word    slow
    Model Does Not Fit    visual_wake_word    stm32f103_bluepill    ram

anomaly_detector
    [Tags]    model:anomaly_detector
    Model Does Not Fit    anomaly_detector    stm32f103_bluepill    flash

speech_recognizer
    [Tags]    model:speech_recognizer
    Model Does Not Fit    speech_recognizer    stm32f103_bluepill    ram

sensor_fusion
    [Tags]    model:sensor_fusion
    Model Does Not Fit    sensor_fusion    stm32f103_bluepill    flash

depthwise_float
    [Tags]    model:depthwise_float
    Model Does Not Fit    depthwise_float    stm32f103_bluepill    ram

tiny_float
    [Tags]    model:tiny_float
    Model Fits    tiny_float    stm32f103_bluepill

fails_conv_transposed
    [Tags]    model:fails_conv_transposed
    Model Fails    fails_conv_transposed    stm32f103_bluepill    op_missing

fails_dynamic_batch
    [Tags]    model:fails_dynamic_batch
    Model Fails    fails_dynamic_batch    stm32f103_bluepill    op_missing

fails_gelu
    [Tags]    model:fails_gelu
    Model Fails    fails_gelu    stm32f103_bluepill    op_code_out_of_range

fails_select_tf_ops
    [Tags]    model:fails_select_tf_ops
    Model Fails    fails_select_tf_ops    stm32f103_bluepill    custom_op_missing

fails_dense_per_channel
    [Tags]    model:fails_dense_per_channel
    Model Fails    fails_dense_per_channel    stm32f103_bluepill    silent_wrong_result

fails_dense_3d
    [Tags]    model:fails_dense_3d
    Model Fails    fails_dense_3d    stm32f103_bluepill    silent_wrong_result

fails_conv_grouped
    [Tags]    model:fails_conv_grouped
    Model Fails    fails_conv_grouped    stm32f103_bluepill    silent_wrong_result

fails_relu_rescaled
    [Tags]    model:fails_relu_rescaled
    Model Fails    fails_relu_rescaled    stm32f103_bluepill    silent_wrong_result

fails_hybrid_dense
    [Tags]    model:fails_hybrid_dense
    Model Fails    fails_hybrid_dense    stm32f103_bluepill    hybrid_or_uint8

fails_hybrid_conv
    [Tags]    model:fails_hybrid_conv
    Model Fails    fails_hybrid_conv    stm32f103_bluepill    hybrid_or_uint8

fails_int16x8
    [Tags]    model:fails_int16x8
    Model Fails    fails_int16x8    stm32f103_bluepill    hybrid_or_uint8

fails_float16
    [Tags]    model:fails_float16
    Model Fails    fails_float16    stm32f103_bluepill    unsupported_type

fails_mean_int8
    [Tags]    model:fails_mean_int8
    Model Fails    fails_mean_int8    stm32f103_bluepill    unsupported_type

fails_mean_1d
    [Tags]    model:fails_mean_1d
    Model Fails    fails_mean_1d    stm32f103_bluepill    bad_params

fails_broadcast_5d
    [Tags]    model:fails_broadcast_5d
    Model Fails    fails_broadcast_5d    stm32f103_bluepill    halted

fails_split_unused
    [Tags]    model:fails_split_unused
    Model Fails    fails_split_unused    stm32f103_bluepill    planner_lifetime

fails_lstm
    [Tags]    model:fails_lstm
    Model Fails    fails_lstm    stm32f103_bluepill    multi_subgraph

fails_dynamic_slice
    [Tags]    model:fails_dynamic_slice
    Model Fails    fails_dynamic_slice    stm32f103_bluepill    dynamic_tensor

fails_custom_options
    [Tags]    model:fails_custom_options
    Model Fails    fails_custom_options    stm32f103_bluepill    bad_model
