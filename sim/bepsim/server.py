"""The cocotb side: takes one command at a time from the parent, lets the bench do it, and reports the outcome.

While it waits for the parent it blocks the whole simulator, so simulated time stands still between commands and a run
is the same every time. While the bench works, nothing here is awake.
"""

import socket

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import Timer, ValueChange

from .bench import COMMANDS, OUTCOMES
from .wire import SOCKET, Line

_PERIOD = 2


@cocotb.test()
async def serve(dut):
    """Serve commands until the parent hangs up or says `quit`."""
    driven = dict.fromkeys(COMMANDS, 0)
    for name in COMMANDS:
        getattr(dut, name).value = 0
    await Timer(_PERIOD, "step")  # until `initial` blocks have run
    Clock(dut.clk, _PERIOD, unit="step", impl="gpi").start(start_high=False)
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(SOCKET)
    line = Line(connection)
    outcomes = [(name, getattr(dut, name)) for name in OUTCOMES if name != "done"]
    while (command := line.receive()) is not None and "quit" not in command:
        for name, value in command.items():
            if driven[name] != value:
                getattr(dut, name).value = driven[name] = value
        dut.go.value = driven["go"] = not driven["go"]
        await ValueChange(dut.done)
        line.send({name: int(handle.value.resolve("zeros")) for name, handle in outcomes})
    line.close()
