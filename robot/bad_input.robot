*** Settings ***
Documentation       Wrong input fails with one line for each problem: what, where, and what to do.
Library             OperatingSystem
Resource            bench.resource
Test Tags           kind:bad-input


*** Variables ***
${OWN}      ${OUTPUT DIR}${/}bad_input


*** Test Cases ***
No Such Model
    Refused    InputError: kyword_spotter: no such file*did you mean "keyword_spotter"?*
    ...    Load Model    kyword_spotter

A File That Is No Model
    Create Binary File    ${OWN}${/}text.tflite    this is text
    Refused    InputError: *text.tflite: *    Load Model    ${OWN}${/}text.tflite

A Model That Was Cut
    [Tags]    model:tiny_float
    ${whole}=    Evaluate    lab.zoo.model_path("tiny_float").read_bytes()    modules=lab.zoo
    Create Binary File    ${OWN}${/}cut.tflite    ${{$whole[:1000]}}
    Refused    InputError: *cut.tflite: *    Load Model    ${OWN}${/}cut.tflite

No Such Board
    Refused    UsageError: no board "nrf52"*    Load Board    nrf52

A Board File With Two Mistakes
    Create File    ${OWN}${/}board.yaml    name: mine\ncolor: blue\n
    ${text}=    Refused    InputError: *    Load Board    ${OWN}${/}board.yaml
    Should Contain    ${text}    board.yaml:2:1: color: unknown key
    Should Contain    ${text}    flash: is missing

No Such Bank
    [Tags]    board:nrf52dk
    Refused    UsageError: *no RAM bank "SRAM9"*    Load Board    nrf52dk    SRAM9=64 KiB

A Size Without A Meaning
    Refused    ValueError: *ambiguous unit "KB" (write KiB*    Set Stack Reserve    4 KB

An Arena Between Two Steps
    Refused    UsageError: the arena must be a multiple of 16 bytes, got 1000; 992 and 1008 are
    ...    Set Arena    1000

Nothing On The Bench
    Refused    UsageError: load a model and a board first    Check

Nothing Checked
    Refused    UsageError: nothing was checked since the last change    Model Should Fit

An Input Of Another Shape
    [Tags]    model:tiny_float    board:nrf52dk
    Evaluate    numpy.save(r"${OWN}${/}input.npy", numpy.zeros((2, 2), "f4"))
    Load Board    nrf52dk
    Load Model    tiny_float
    Set Inputs    ${OWN}${/}input.npy
    Refused    InputError: *input.npy: input "*" is float32 ?1, 1?, this is float32 ?2, 2?*    Check


*** Keywords ***
Refused
    [Documentation]    A keyword fails with a message of this form. Returns the message.
    [Arguments]    ${message}    ${keyword}    @{arguments}    &{named}
    Create Directory    ${OWN}
    ${text}=    Run Keyword And Expect Error    ${message}    ${keyword}    @{arguments}    &{named}
    RETURN    ${text}
