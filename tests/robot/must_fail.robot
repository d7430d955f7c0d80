*** Settings ***
Documentation       Every test fails but the last: what the failures say is compared with a list.
Resource            ../../robot/bench.resource
Test Setup          Tiny Float On nRF52-DK


*** Test Cases ***
Above The Limit
    Check Model On Board    separation_w8    ${NANO}
    Figure Should Be At Most    required arena    192 KiB

Too Many Instructions
    Check
    Figure Should Be At Most    instructions    1k

Below The Limit
    Check
    Figure Should Be At Least    margin    64 KiB

Not Equal
    Check
    Figure Should Be    required arena    1 KiB

Does Not Fit
    Load Board    nrf52dk    ram=2 KiB
    Check
    Model Should Fit

Fits
    Check
    Model Should Not Fit    ram

Another Class
    Load Model    fails_gelu
    Check
    Model Should Fail With    op_missing

Another Operator
    Load Model    separation_w8_upsampling2d
    Check
    Model Should Fail With    op_missing    SHAPE

Never Measured
    Load Model    fails_gelu
    Check
    Figure Should Be At Most    stack    1 KiB

Not Reached
    Set Arena    256 B
    Run Until Symbol    tflite::MicroInterpreter::Invoke
    Run Should Reach Its Goal

Another End
    Run Until End
    Run Should Fail With    stack_overflow

No Such Function
    Run Until Symbol    nobody

Not On The Console
    Run Until End
    Console Should Contain    hello

Other Outputs
    Check
    Outputs Should Be    ${{64 * "0"}}

Growth Without A Baseline
    Check
    Figure Should Be At Most    required arena    +1 KiB

No Such Figure
    Check
    Figure Should Be    heap    0

Not A Count
    Check
    Figure Should Be At Most    cycles    1 KiB

No Image
    Load Board    nrf52dk
    Load Model    fails_gelu
    Build Firmware    ${OUTPUT DIR}${/}none.elf

Interrupted
    Load Model    visual_wake_word
    Check In No Time

After An Interruption
    Check
    Figure Should Be    required arena    1056


*** Keywords ***
Tiny Float On nRF52-DK
    Load Board    nrf52dk
    Load Model    tiny_float

Check In No Time
    [Timeout]    50 ms
    Check
