*** Settings ***
Documentation       The stack: how deep it is, and what happens when its reserve is too small.
Resource            bench.resource
Test Setup          Keyword Spotter On nRF52-DK
Test Tags           kind:stack    board:nrf52dk    core:cortex-m4f    model:keyword_spotter


*** Test Cases ***
Inference Needs Less Than A Kilobyte
    Check
    Figure Should Be At Most    stack    1 KiB

A Reserve That Is Too Small Does Not Fit
    Set Stack Reserve    256 B
    Check
    Model Should Not Fit    stack
    Model Should Fail With    stack_overflow

It Overflows On The Board
    Set Stack Reserve    256 B
    Run Until End
    Run Should Fail With    stack_overflow    main

A Reserve Of What Was Measured Is Enough
    ${record}=    Check
    Skip If    not ${record.stack.exact}    this engine knows only how deep the stack was at least
    ${high water}=    Get Figure    stack
    Set Stack Reserve    ${high water}
    Check
    Model Should Fit
    Run Until End
    Run Should Reach Its Goal


*** Keywords ***
Keyword Spotter On nRF52-DK
    Load Board    nrf52dk
    Load Model    keyword_spotter
