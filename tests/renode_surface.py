"""All of Renode, pyrenode3 and .NET that the driver touches, and where each was seen to exist.

The fake offers exactly this. A name that is not here does not exist as far as anybody has read.
``R/`` is renode, ``I/`` renode-infrastructure's src/Emulator, ``P/`` pyrenode3's src/pyrenode3, of
the versions that ``lab/engines/renode/versions.py`` is about.
"""

from __future__ import annotations

from collections.abc import Callable

# The words a command of the monitor begins with, up to its arguments.
COMMANDS = {
    "using sysbus": "I/Extensions/UserInterface/Commands/UsingCommand.cs; without it the core is "
    "sysbus.cpu (MonitorContext.cs, IsNameAvailable; Monitor.cs on 1.16.1)",
    "mach create": "I/Extensions/UserInterface/Commands/MachCommand.cs",
    "logFile": "I/Extensions/UserInterface/Commands/LoggerFileCommand.cs",
    "machine LoadPlatformDescription": "I/Main/PlatformDescription/UserInterface/"
    "PlatformDescriptionMachineExtensions.cs",
    "emulation SetGlobalQuantum": "I/Extensions/UserInterface/MonitorTimeExtensions.cs",
    "emulation SetGlobalSerialExecution": "I/Extensions/UserInterface/MonitorTimeExtensions.cs",
    "emulation SetGlobalAdvanceImmediately": "I/Extensions/UserInterface/MonitorTimeExtensions.cs",
    "emulation SetSeed": "I/Main/Core/Emulation.cs",
    "sysbus UnhandledAccessBehaviour": "I/Main/Peripherals/Bus/UnhandledAccessBehaviour.cs; "
    "ThrowException on master only, refused on 1.16.1",
    "sysbus LoadBinary": "I/Main/Core/Extensions/FileLoaderExtensions.cs",
    "sysbus WriteDoubleWord": "I/Main/Peripherals/Bus/SystemBus.cs",
    "sysbus UnexpectedReads": "I/Main/Peripherals/Bus/SystemBus.cs, both generations",
    "sysbus UnexpectedWrites": "I/Main/Peripherals/Bus/SystemBus.cs, both generations",
    "cpu VectorTableOffset": "I/Cores/Arm-M/CortexM.cs",
    "cpu AddHook": "R/tests/unit-tests/hooks.robot; the body is IronPython and sees cpu",
    "cpu RemoveHooksAt": "I/Main/Peripherals/CPU/ICPUWithHooks.cs",
    "cpu IsHalted": "I/Peripherals/Peripherals/CPU/BaseCPU.cs",
    "cpu EmulationState": "I/Peripherals/Peripherals/CPU/BaseCPU.cs, EmulationCPUState",
    "cpu ExecutedInstructions": "R/tests/unit-tests/instructions-counting.robot",
    "cpu GetRegister": "R/tests/unit-tests/arm-cortex-m-bus-fault.robot; I/Cores/Arm-M/"
    "CortexMRegisters.cs has the names",
    "cpu SetRegister": "I/Cores/Arm-M/CortexMRegisters.cs has the names",
    "cpu PC": "I/Cores/Arm-M/CortexM.cs, which adds the Thumb bit",
    "cpu FaultStatus": "I/Cores/Arm-M/CortexM.cs",
    "cpu MemoryFaultAddress": "I/Cores/Arm-M/CortexM.cs",
    "cpu BusFaultAddress": "I/Cores/Arm-M/CortexM.cs, master only",
}


# What the monitor prints of a value, by its type in C#. From
# I/Extensions/UserInterface/MonitorCommands.cs: numbers in hexadecimal, all digits of their type
# (PrintActionResult, GetNumberFormat); after an enum, all of its values (ProcessDeviceAction).
def byte(value: int) -> str:
    return f"0x{value:02X}"


def uint(value: int) -> str:
    return f"0x{value:08X}"


def ulong(value: int) -> str:
    return f"0x{value:016X}"


def register(value: int) -> str:
    """I/Main/Peripherals/CPU/RegisterValue.cs, ToString: as short as it goes, in lower case."""
    return f"0x{value:x}"


def boolean(value: bool) -> str:
    return str(value)


def cpu_state(value: str) -> str:
    """I/Main/Peripherals/CPU/EmulationCPUState.cs."""
    names = ("Aborted", "InReset", "Running")
    assert value in names
    listed = "".join(f"\t{name} ({name})\r\n" for name in names)
    return f"{value}\r\n\nPossible values are:\r\n{listed}\r\n"


# How a command that asks is answered: the type of what it asks for, in the file COMMANDS names.
# Those of the core are also in what Renode prints of a Cortex-M ("cpu" alone).
ANSWERS: dict[str, Callable[..., str]] = {
    "sysbus UnexpectedReads": uint,
    "sysbus UnexpectedWrites": uint,
    "sysbus ReadByte": byte,
    "sysbus ReadDoubleWord": uint,
    "cpu IsHalted": boolean,
    "cpu EmulationState": cpu_state,
    "cpu ExecutedInstructions": ulong,
    "cpu GetRegister": register,
    "cpu FaultStatus": uint,
    "cpu MemoryFaultAddress": uint,
    "cpu BusFaultAddress": uint,
}


def answer(command: str, value: object) -> str:
    """What the monitor prints of what a command returns."""
    return ANSWERS[" ".join(command.split()[:2])](value)


# Only scripts say these; they are generated, and the driver's tests are not about them.
OF_SCRIPTS = {"start", "sysbus LoadELF", "sysbus GetSymbolAddress", "uart CreateFileBackend"}

# What the driver imports, and every attribute of anything that comes from there.
IMPORTS = {
    "pyrenode3": "P/__init__.py loads Renode unless it is told not to, and can be run again",
    "pyrenode3.env": "P/env.py",
    "pyrenode3.loader": "P/loader.py",
    "pyrenode3.wrappers": "P/__init__.py loads Renode and imports it",
    "Antmicro.Renode.Time.TimeInterval": "I/Main/Time/TimeInterval.cs",
    "System.UInt64": ".NET",
}
ATTRIBUTES = {
    "pyrenode_skip_load": "P/env.py: what PYRENODE_SKIP_LOAD was; P/__init__.py looks at it",
    "ensure_additional_libs": "P/loader.py, called by its name in from_net_build and from_net_pkg",
    "Emulation": "P/wrappers/emulation.py",
    "clear": "P/wrappers/emulation.py, Emulation",
    "get_mach": "P/wrappers/emulation.py, Emulation",
    "Monitor": "P/wrappers/monitor.py",
    "execute": "P/wrappers/monitor.py, Monitor: output and errors, and it never raises",
    "sysbus": "P/wrappers/machine.py, Machine",
    "internal": "P/wrapper.py, Wrapper: the object of .NET",
    "RunFor": "I/Main/Core/Emulation.cs, with a TimeInterval: blocks, then pauses",
    "ReadBytes": "I/Main/Peripherals/Bus/SystemBus.cs, (ulong, int, bool, IPeripheral)",
    "FromMicroseconds": "I/Main/Time/TimeInterval.cs, of a ulong",
}
