*** Settings ***
Documentation       The memory of a board in Renode is that of the board file, and nothing else.
Resource            renode.resource
Suite Setup         Setup
Suite Teardown      Teardown
Test Setup          Reset Emulation
Test Teardown       Test Teardown
Test Tags           kind:renode


*** Variables ***
${RENODEKEYWORDS}       no_renode.resource


*** Test Cases ***
Memory Ends Where The Board File Says
    Execute Script    ${RESC}
    @{places}=    Items    ${LAST_WORDS}
    FOR    ${address}    IN    @{places}
        Execute Command    sysbus ReadDoubleWord ${address}
    END
    ${reads}=    Number Of    sysbus UnexpectedReads
    Should Be Equal As Integers    ${reads}    0    words missing at the end of a bank

Nothing Lies Behind It
    [Documentation]    Reading there is counted; where such accesses are faults, the command fails.
    Execute Script    ${RESC}
    @{places}=    Items    ${BEYOND}
    FOR    ${address}    IN    @{places}
        ${before}=    Number Of    sysbus UnexpectedReads
        ${status}    ${_}=    Run Keyword And Ignore Error
        ...    Execute Command    sysbus ReadDoubleWord ${address}
        ${after}=    Number Of    sysbus UnexpectedReads
        Should Be True    "${status}" == "FAIL" or ${after} == ${before} + 1
        ...    there is memory at ${address}, where the board file has none
    END
