"""The chip that judges controllers is judged itself: what is allowed passes, and each rule is broken once."""

import subprocess
from importlib.resources import files

import pytest

TIMES = {"T_RCD": 2, "T_RP": 2, "T_RAS": 5, "T_RC": 7, "T_RFC": 7, "T_WR": 2, "T_RRD": 2, "T_MRD": 2}
PARAMETERS = TIMES | {"ROWS": 11, "COLUMNS": 4, "POWER_UP": 10, "T_REFI": 100, "POSTPONED": 2, "CAS": 2}

# {ras, cas, we} as they are on the pins, low
CODES = {"NOP": 7, "ACT": 3, "READ": 5, "WRITE": 4, "PRE": 2, "REF": 1, "MODE": 0, "STOP": 6}
ALL = 1 << 10
START = [(12, "PRE", 0, ALL), (3, "REF", 0, 0), (8, "REF", 0, 0), (8, "MODE", 0, 2 << 4)]

_BENCH = """
module bench;
  reg clk = 0, rst = 0, driven = 0;
  reg [2:0] code = 7;
  reg [1:0] ba = 0;
  reg [10:0] a = 0;
  reg [15:0] word = 0;
  wire [15:0] back;
  sdram_chip #(@PARAMETERS@) chip (
    .clk(clk), .rst(rst), .clk_en(1'b1), .cs_n(1'b0), .ras_n(code[2]), .cas_n(code[1]), .we_n(code[0]), .ba(ba), .a(a),
    .dqm(2'b00), .from_host(word), .driven(driven), .to_host(back));
  always @(posedge clk) if (back !== 16'hdead) $display("word %h", back);
  task give(input integer wait_for, input [2:0] what, input [1:0] bank, input [10:0] address, input [15:0] data);
    begin
      repeat (wait_for - 1) begin #1 clk = 1; #1 clk = 0; #1; end
      code = what; ba = bank; a = address; word = data; driven = what == 4;
      #1 clk = 1; #1 clk = 0; #1;
      code = 7; driven = 0;
    end
  endtask
  initial begin
@COMMANDS@
    repeat (6) begin #1 clk = 1; #1 clk = 0; #1; end
    $display("end");
  end
endmodule
"""


def run(folder, commands, **changes):
    """What the chip says to commands (cycles since the one before, name, bank, address[, word])."""
    lines = []
    for cycles, name, bank, address, *word in commands:
        lines.append(f"    give({cycles}, {CODES[name]}, {bank}, {address}, {word[0] if word else 0});")
    parameters = ", ".join(f".{name}({value})" for name, value in (PARAMETERS | changes).items())
    bench = _BENCH.replace("@PARAMETERS@", parameters).replace("@COMMANDS@", "\n".join(lines))
    (folder / "bench.v").write_text(bench)
    chip = str(files("bepsim").joinpath("sdram_chip.v"))
    subprocess.run(["iverilog", "-g2012", "-o", "bench", "bench.v", chip], cwd=folder, check=True)
    done = subprocess.run(["vvp", "-n", "bench"], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout


def test_words_come_back_from_every_bank_after_the_latency(tmp_path):
    """Write with and without auto-precharge, close, open again, read; a refresh between."""
    commands = [
        *START,
        (3, "ACT", 1, 5), (2, "WRITE", 1, 3, 0x1234), (1, "WRITE", 1, 4, 0x5678), (2, "ACT", 2, 9),
        (2, "WRITE", 2, ALL | 3, 0x9ABC), (2, "READ", 1, 3), (1, "READ", 1, 4), (1, "PRE", 1, 0),
        (9, "REF", 0, 0), (8, "ACT", 2, 9), (2, "READ", 2, ALL | 3), (9, "ACT", 1, 5), (2, "READ", 1, 3),
    ]  # fmt: skip
    said = run(tmp_path, commands)
    assert said.split("\n")[:-1] == ["word 1234", "word 5678", "word 9abc", "word 1234", "end"], said


ACT = (3, "ACT", 0, 1)
BROKEN = {
    "access to a closed bank": [*START, (3, "READ", 0, 0)],
    "tRCD": [*START, ACT, (1, "READ", 0, 0)],
    "tRAS": [*START, ACT, (4, "PRE", 0, 0)],
    "tWR": [*START, ACT, (5, "WRITE", 0, 0), (1, "PRE", 0, 0)],
    "tRP: activated": [*START, ACT, (6, "PRE", 0, 0), (1, "ACT", 0, 2)],
    "tRP: not precharged": [*START, ACT, (6, "PRE", 0, 0), (1, "REF", 0, 0)],
    "tRC": [*START, ACT, (3, "READ", 0, ALL), (5, "ACT", 0, 1)],
    "tRRD": [*START, ACT, (1, "ACT", 1, 1)],
    "tRFC": [*START, (3, "REF", 0, 0), (6, "ACT", 0, 0)],
    "tMRD": [*START, (1, "ACT", 0, 0)],
    "activate of an open bank": [*START, ACT, (8, "ACT", 0, 2)],
    "a bank is open": [*START, ACT, (8, "REF", 0, 0)],
    "powered up": [(5, "PRE", 0, ALL)],
    "before the mode": [(12, "ACT", 0, 0)],
    "before it was refreshed": [*START[:2], (8, "MODE", 0, 2 << 4)],
    "another burst or latency": [*START[:3], (8, "MODE", 0, 3 << 4)],
    "refreshed too rarely": [*START, (302, "NOP", 0, 0)],
    "both sides drive": [*START, ACT, (2, "READ", 0, 0), (2, "WRITE", 0, 0)],
    "a command that nobody gives": [*START, (3, "STOP", 0, 0)],
}


@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_is_watched(rule, tmp_path):
    said = run(tmp_path, BROKEN[rule], **({"T_RC": 9} if rule == "tRC" else {}))  # else tRAS and tRP imply it
    assert "SDRAM" in said and rule in said and "end" not in said.split("\n"), said
