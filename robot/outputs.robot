*** Settings ***
Documentation       What the model computes on the device.
Resource            bench.resource
Test Tags           kind:outputs


*** Test Cases ***
The Sine That tiny_float Draws
    [Tags]    model:tiny_float    board:nrf52dk    core:cortex-m4f
    ${input}=    Set Variable    ${OUTPUT DIR}${/}angle.npy
    ${sine}=    Set Variable    ${OUTPUT DIR}${/}sine.npy
    Evaluate    numpy.save(r"${input}", numpy.array([[0.1]], "f4"))
    Evaluate    numpy.save(r"${sine}", numpy.sin(numpy.array([[0.2 * numpy.pi]], "f4")))
    Load Board    nrf52dk
    Load Model    tiny_float
    Set Inputs    ${input}
    Check
    Outputs Should Match Files    ${sine}    tolerance=0.05

The Same On Every Core
    [Tags]    model:sensor_fusion    board:rpi_pico    core:cortex-m0plus
    ${record}=    Check Model On Board    sensor_fusion    ${NANO}
    Check Model On Board    sensor_fusion    rpi_pico
    Outputs Should Be    ${record.run.outputs_sha256}

Another Seed, Other Outputs
    [Tags]    model:sensor_fusion    board:nrf52dk    core:cortex-m4f
    ${record}=    Check Model On Board    sensor_fusion    nrf52dk
    Set Seed    2
    Check
    Run Keyword And Expect Error
    ...    outputs on nrf52dk have the checksum *
    ...    Outputs Should Be    ${record.run.outputs_sha256}
