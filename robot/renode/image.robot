*** Settings ***
Documentation       A model's image on a board, in Renode, against what engine unicorn counted and
...                 computed with the same image.
Resource            renode.resource
Suite Setup         Setup
Suite Teardown      Teardown
Test Setup          Reset Emulation
Test Teardown       Test Teardown
Test Tags           kind:renode


*** Variables ***
${RENODEKEYWORDS}       no_renode.resource


*** Test Cases ***
Reaches Its End
    Run The Image
    Pc Should Be Equal    ${LAB_END}
    Provides    image-ran    Reexecution

The Core Goes On
    [Documentation]    Where it cannot, Renode gives the core up, and the firmware sees no fault.
    Requires    image-ran
    ${said}=    Execute Command    cpu EmulationState
    ${state}=    Get Line    ${said}    0    # all values that it can have follow
    Should Not Contain    ${state}    Aborted

The Runtime Reports Success
    Requires    image-ran
    ${status}=    Word At    ${STATUS_AT}
    Should Be Equal As Integers    ${status}    0    TfLiteStatus in lab_mailbox
    ${used}=    Word At    ${ARENA_USED_AT}
    Should Be Equal As Integers    ${used}    ${ARENA_USED}    arena_used_bytes()

Nothing Was Touched That Is Not There
    [Documentation]    Renode counts such accesses, whether or not they are faults.
    Requires    image-ran
    ${reads}=    Number Of    sysbus UnexpectedReads
    ${writes}=    Number Of    sysbus UnexpectedWrites
    Should Be Equal As Integers    ${reads}    0    reads where nothing is
    Should Be Equal As Integers    ${writes}    0    writes where nothing is

As Many Instructions From Marker To Marker
    [Documentation]    A hook of the script noted the count, modulo 2^32, at each marker.
    Requires    image-ran
    @{markers}=    Items    ${COUNTS}
    FOR    ${marker}    IN    @{markers}
        ${name}    ${address}    ${expected}=    Split String    ${marker}    =
        ${counted}=    Word At    ${address}
        Should Be Equal As Integers    ${counted}    ${expected}    instructions up to ${name}
    END

The Same Outputs
    Requires    image-ran
    @{bytes}=    Items    ${OUTPUTS}
    FOR    ${byte}    IN    @{bytes}
        ${address}    ${expected}=    Split String    ${byte}    =
        ${value}=    Number Of    sysbus ReadByte ${address}
        Should Be Equal As Integers    ${value}    ${expected}    output byte at ${address}
    END
