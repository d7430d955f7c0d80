*** Settings ***
Documentation       Runs in the board's own memory, up to wherever a test wants to look.
Library             OperatingSystem
Resource            bench.resource
Test Setup          Tiny Float On nRF52-DK
Test Tags           kind:run    board:nrf52dk    core:cortex-m4f    model:tiny_float


*** Test Cases ***
To Its End
    ${ended}=    Run Until End
    Run Should Reach Its Goal
    Should Be Equal    ${ended.chain[0].function}    lab_end
    Should Be Empty    ${ended.console}

To The First Inference
    ${ended}=    Run Until Symbol    tflite::MicroInterpreter::Invoke
    Run Should Reach Its Goal
    Should Be Equal    ${ended.chain[1].function}    main

To A Number Of Instructions
    ${ended}=    Run Instructions    5k
    Run Should Reach Its Goal
    Should Be True    5000 <= ${ended.instructions} < 5100

More Instructions Than There Are
    Run Instructions    1M
    Run Keyword And Expect Error
    ...    did not reach 1,000,000 instructions: *    Run Should Reach Its Goal

To A Line On The Console
    Set Arena    1 KiB
    Run Until Console Line    Too many buffers
    Run Should Reach Its Goal
    Console Should Contain    Too many buffers (max is

Without The Memory The Board Lacks
    [Documentation]    Nothing is mapped beyond the board's RAM: the arena is cut to what places.
    [Tags]    model:visual_wake_word
    Load Board    nrf52dk    ram=48 KiB
    Load Model    visual_wake_word
    Set Arena    141040
    Set Stack Reserve    1 KiB
    Run Until End
    Run Should Fail With    arena_too_small_persistent

Its Firmware
    Build Firmware    ${OUTPUT DIR}${/}tiny_float.elf
    File Should Not Be Empty    ${OUTPUT DIR}${/}tiny_float.elf


*** Keywords ***
Tiny Float On nRF52-DK
    Load Board    nrf52dk
    Load Model    tiny_float
