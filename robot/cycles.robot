*** Settings ***
Documentation       Budgets of one inference. Instructions are exact for an image; compilers differ, so
...                 the budgets leave a tenth. Cycles and time are the core's model.
Resource            bench.resource
Test Template       One Inference Takes At Most
Test Tags           kind:cycles


*** Test Cases ***    MODEL    BOARD    INSTRUCTIONS    CYCLES    MILLISECONDS
Keyword Spotter On nRF52-DK
    [Tags]    model:keyword_spotter    board:nrf52dk    core:cortex-m4f
    keyword_spotter    nrf52dk    96M    135M    2100

Speech Recognizer On nRF52-DK
    [Tags]    model:speech_recognizer    board:nrf52dk    core:cortex-m4f
    speech_recognizer    nrf52dk    55M    76M    1190

Sensor Fusion On NUCLEO-U575ZI-Q
    [Tags]    model:sensor_fusion    board:nucleo_u575zi_q    core:cortex-m33f
    sensor_fusion    nucleo_u575zi_q    700k    950k    6

Tiny Float With An FPU
    [Tags]    model:tiny_float    board:nrf52dk    core:cortex-m4f
    tiny_float    nrf52dk    3400    6000    0.1

Tiny Float Without One
    [Tags]    model:tiny_float    board:rpi_pico    core:cortex-m0plus
    tiny_float    rpi_pico    49k    80k    0.6


*** Keywords ***
One Inference Takes At Most
    [Arguments]    ${model}    ${board}    ${instructions}    ${cycles}    ${milliseconds}
    ${record}=    Check Model On Board    ${model}    ${board}
    Set Test Message    ${record.run.instructions} instructions, ${record.run.cycles} cycles
    Figure Should Be At Most    instructions    ${instructions}
    Figure Should Be At Most    cycles    ${cycles}
    Figure Should Be At Most    milliseconds    ${milliseconds}
