*** Settings ***
Documentation       Arena high-water marks. They depend on the model and the runtime; with cores of
...                 32 bits, on nothing else.
Resource            bench.resource
Test Tags           kind:arena    board:arduino_nano33ble_sense    core:cortex-m4f


*** Test Cases ***    MODEL    REQUIRED    REPORTED    NON-PERSISTENT
Keyword Spotter
    [Tags]    model:keyword_spotter
    [Template]    High-Water Marks Are
    keyword_spotter    33952    33952    16000

Speech Recognizer
    [Tags]    model:speech_recognizer
    [Template]    High-Water Marks Are
    speech_recognizer    22128    22128    11712

Sensor Fusion
    [Tags]    model:sensor_fusion
    [Template]    High-Water Marks Are
    sensor_fusion    5776    5696    1264

Anomaly Detector
    [Tags]    model:anomaly_detector
    [Template]    High-Water Marks Are
    anomaly_detector    4656    4400    768

Tiny Float
    [Tags]    model:tiny_float
    [Template]    High-Water Marks Are
    tiny_float    1056    880    128

Reported Arena Is Not Enough
    [Documentation]    An arena of the size that arena_used_bytes() tells fails: planning needs more.
    [Tags]    model:tiny_float
    Load Board    ${NANO}
    Load Model    tiny_float
    Check
    ${reported}=    Get Figure    reported arena
    Set Arena    ${reported}
    Check
    Model Should Not Fit    arena
    Model Should Fail With    arena_too_small_temp
    Run Until End
    Run Should Fail With    arena_too_small_temp
    Console Should Contain    for allocation_info, 160 bytes required

Required Arena Is Enough And Not A Step Too Large
    [Tags]    model:tiny_float
    Load Board    ${NANO}
    Load Model    tiny_float
    Check
    ${required}=    Get Figure    required arena
    Set Arena    ${required}
    Check
    Model Should Fit
    Set Arena    ${{$required - 16}}
    Check
    Model Should Not Fit    arena

Arena In A Bank Of Its Own
    [Tags]    model:keyword_spotter    board:nucleo_l4r5zi
    Load Board    nucleo_l4r5zi
    Load Model    keyword_spotter
    Set Arena    80 KiB    bank=SRAM2
    Check
    Model Should Not Fit    ram
    Set Arena    80 KiB    bank=SRAM3
    ${record}=    Check
    Model Should Fit
    ${arenas}=    Evaluate    [span.banks for span in $record.memory.ram.layout if span.what == "arena"]
    Should Be Equal    ${arenas}    ${{[("SRAM3",)]}}


*** Keywords ***
High-Water Marks Are
    [Arguments]    ${model}    ${required}    ${reported}    ${non-persistent}
    Check Model On Board    ${model}    ${NANO}
    Figure Should Be    required arena    ${required}
    Figure Should Be    reported arena    ${reported}
    Figure Should Be    non-persistent arena    ${non-persistent}
    Parts Make Up The Required Arena

Parts Make Up The Required Arena
    ${tail}=    Get Figure    persistent arena
    ${head}=    Get Figure    non-persistent arena
    ${headroom}=    Get Figure    planning headroom
    Figure Should Be    required arena    ${{$tail + $head + $headroom}}
