*** Settings ***
Documentation       A speech separation U-Net for an Arduino Nano 33 BLE Sense. It fits on paper.
Resource            bench.resource
Test Tags           kind:story    board:arduino_nano33ble_sense    core:cortex-m4f


*** Test Cases ***
On Paper It Fits
    [Documentation]    The model's file is less than half of the RAM and a tenth of the flash.
    [Tags]    model:separation_w16
    Load Board    ${NANO}
    ${model}=    Load Model    separation_w16
    Should Be True    ${model.size} < 128 * 1024

On The Board It Does Not
    [Documentation]    The arena is cut to the RAM there is, and the runtime says what it lacks.
    [Tags]    model:separation_w16
    Load Board    ${NANO}
    Load Model    separation_w16
    Set Arena    402176
    Set Stack Reserve    1 KiB
    Run Until End
    Run Should Fail With    arena_too_small_nonpersistent
    Console Should Contain    Needed 393216 but only

Half As Wide, With UpSampling2D, No Runtime Has Its Operator
    [Tags]    model:separation_w8_upsampling2d
    Model Fails    separation_w8_upsampling2d    ${NANO}    op_missing
    Model Should Fail With    op_missing    TILE

Half As Wide, With Resize, It Fits
    [Tags]    model:separation_w8
    Model Fits    separation_w8    ${NANO}
    Figure Should Be    required arena    202880
    Figure Should Be At Least    margin    48 KiB
    Log Report

How Much Was Missing
    [Documentation]    The same as the second chapter, measured in full.
    [Tags]    model:separation_w16    slow
    Model Does Not Fit    separation_w16    ${NANO}    ram
    Figure Should Be    required arena    402176
    Log Report
