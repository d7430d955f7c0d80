*** Settings ***
Documentation       Every zoo model on Arduino Nano 33 BLE Sense. Made of docs/zoo-on-boards.md by
...                 pytest tests/integration/test_robot.py --update-golden; do not edit it.
Resource            ../bench.resource
Test Tags           kind:fit    board:arduino_nano33ble_sense    core:cortex-m4f


*** Test Cases ***
separation_w8
    [Tags]    model:separation_w8    slow
    Model Fits    separation_w8    arduino_nano33ble_sense

separation_w16
    [Tags]    model:separation_w16    slow
    Model Does Not Fit    separation_w16    arduino_nano33ble_sense    ram

separation_w8_upsampling2d
    [Tags]    model:separation_w8_upsampling2d
    Model Fails    separation_w8_upsampling2d    arduino_nano33ble_sense    op_missing

separation_w8_fp32
    [Tags]    model:separation_w8_fp32    slow
    Model Does Not Fit    separation_w8_fp32    arduino_nano33ble_sense    ram

separation_w16_fp32
    [Tags]    model:separation_w16_fp32    slow
    Model Does Not Fit    separation_w16_fp32    arduino_nano33ble_sense    ram

keyword_spotter
    [Tags]    model:keyword_spotter
    Model Fits    keyword_spotter    arduino_nano33ble_sense

image_classifier
    [Tags]    model:image_classifier
    Model Fits    image_classifier    arduino_nano33ble_sense

visual_wake_word
    [Tags]    model:visual_wake_word
    Model Fits    visual_wake_word    arduino_nano33ble_sense

anomaly_detector
    [Tags]    model:anomaly_detector
    Model Fits    anomaly_detector    arduino_nano33ble_sense

speech_recognizer
    [Tags]    model:speech_recognizer
    Model Fits    speech_recognizer    arduino_nano33ble_sense

sensor_fusion
    [Tags]    model:sensor_fusion
    Model Fits    sensor_fusion    arduino_nano33ble_sense

depthwise_float
    [Tags]    model:depthwise_float
    Model Fits    depthwise_float    arduino_nano33ble_sense

tiny_float
    [Tags]    model:tiny_float
    Model Fits    tiny_float    arduino_nano33ble_sense

fails_conv_transposed
    [Tags]    model:fails_conv_transposed
    Model Fails    fails_conv_transposed    arduino_nano33ble_sense    op_missing

fails_dynamic_batch
    [Tags]    model:fails_dynamic_batch
    Model Fails    fails_dynamic_batch    arduino_nano33ble_sense    op_missing

fails_gelu
    [Tags]    model:fails_gelu
    Model Fails    fails_gelu    arduino_nano33ble_sense    op_code_out_of_range

fails_select_tf_ops
    [Tags]    model:fails_select_tf_ops
    Model Fails    fails_select_tf_ops    arduino_nano33ble_sense    custom_op_missing

fails_dense_per_channel
    [Tags]    model:fails_dense_per_channel
    Model Fails    fails_dense_per_channel    arduino_nano33ble_sense    silent_wrong_result

fails_dense_3d
    [Tags]    model:fails_dense_3d
    Model Fails    fails_dense_3d    arduino_nano33ble_sense    silent_wrong_result

fails_conv_grouped
    [Tags]    model:fails_conv_grouped
    Model Fails    fails_conv_grouped    arduino_nano33ble_sense    silent_wrong_result

fails_relu_rescaled
    [Tags]    model:fails_relu_rescaled
    Model Fails    fails_relu_rescaled    arduino_nano33ble_sense    silent_wrong_result

fails_hybrid_dense
    [Tags]    model:fails_hybrid_dense
    Model Fails    fails_hybrid_dense    arduino_nano33ble_sense    hybrid_or_uint8

fails_hybrid_conv
    [Tags]    model:fails_hybrid_conv
    Model Fails    fails_hybrid_conv    arduino_nano33ble_sense    hybrid_or_uint8

fails_int16x8
    [Tags]    model:fails_int16x8
    Model Fails    fails_int16x8    arduino_nano33ble_sense    hybrid_or_uint8

fails_float16
    [Tags]    model:fails_float16
    Model Fails    fails_float16    arduino_nano33ble_sense    unsupported_type

fails_mean_int8
    [Tags]    model:fails_mean_int8
    Model Fails    fails_mean_int8    arduino_nano33ble_sense    unsupported_type

fails_mean_1d
    [Tags]    model:fails_mean_1d
    Model Fails    fails_mean_1d    arduino_nano33ble_sense    bad_params

fails_broadcast_5d
    [Tags]    model:fails_broadcast_5d
    Model Fails    fails_broadcast_5d    arduino_nano33ble_sense    halted

fails_split_unused
    [Tags]    model:fails_split_unused
    Model Fails    fails_split_unused    arduino_nano33ble_sense    planner_lifetime

fails_lstm
    [Tags]    model:fails_lstm
    Model Fails    fails_lstm    arduino_nano33ble_sense    multi_subgraph

fails_dynamic_slice
    [Tags]    model:fails_dynamic_slice
    Model Fails    fails_dynamic_slice    arduino_nano33ble_sense    dynamic_tensor

fails_custom_options
    [Tags]    model:fails_custom_options
    Model Fails    fails_custom_options    arduino_nano33ble_sense    bad_model
