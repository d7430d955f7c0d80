*** Settings ***
Documentation       Comparisons with a baseline; FILE is one of tiny_float on nrf52dk.
Resource            ../../robot/bench.resource
Test Setup          Tiny Float On nRF52-DK


*** Test Cases ***
As Accepted
    Figures Should Be As Accepted

Growth
    Figure Should Be At Most    required arena    +16 B
    Figure Should Be At Most    cycles    +2 %

No Growth
    Figure Should Be At Most    required arena    +0 B

A Figure It Does Not Hold
    Figure Should Be At Most    reported arena    +1 KiB

Another Check
    Load Baseline    ${FILE}    keyword_spotter on nrf52dk
    Figures Should Be As Accepted

No Baseline
    Load Baseline    ${FILE}.old
    Figures Should Be As Accepted


*** Keywords ***
Tiny Float On nRF52-DK
    Load Board    nrf52dk
    Load Model    tiny_float
    Check
    Load Baseline    ${FILE}
