*** Settings ***
Documentation       Operators the runtime does not have, and those it computes wrong without an error.
...                 Both are told before anything is built.
Resource            bench.resource
Test Template       Operator Is At Fault
Test Tags           kind:operators    board:nrf52dk    core:cortex-m4f


*** Test Cases ***    MODEL    FAILURE CLASS    OPERATOR
UpSampling2D Becomes TILE
    [Tags]    model:separation_w8_upsampling2d
    separation_w8_upsampling2d    op_missing    TILE

Conv2DTranspose
    [Tags]    model:fails_conv_transposed
    fails_conv_transposed    op_missing    TRANSPOSE_CONV

An Operator Newer Than The Runtime
    [Tags]    model:fails_gelu
    fails_gelu    op_code_out_of_range    GELU

An Operator Of TensorFlow Itself
    [Tags]    model:fails_select_tf_ops
    fails_select_tf_ops    custom_op_missing    FlexExtractImagePatches

Dense With A Scale For Each Unit Is Wrong
    [Tags]    model:fails_dense_per_channel
    fails_dense_per_channel    silent_wrong_result    FULLY_CONNECTED

Convolution In Groups Is Wrong
    [Tags]    model:fails_conv_grouped
    fails_conv_grouped    silent_wrong_result    CONV_2D

ReLU Between Two Scales Is Wrong
    [Tags]    model:fails_relu_rescaled
    fails_relu_rescaled    silent_wrong_result    RELU


*** Keywords ***
Operator Is At Fault
    [Arguments]    ${model}    ${failure class}    ${operator}
    Check Model On Board    ${model}    nrf52dk
    Model Should Fail With    ${failure class}    ${operator}
