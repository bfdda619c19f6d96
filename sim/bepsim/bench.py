"""The Verilog around the core in a simulation: it moves beats and words, so that Python need not.

A Python bench that touches a port every clock holds a large simulation at some ten thousand cycles a second. Here
Python gives one *command*, sleeps until `done` changes, and reads the outcome: the bench below reads sample beats and
bus words from `in.bin` (big endian, as `$fread` wants), and writes what comes out to `out.bin` and `beats.bin` (little
endian, as `%u` gives). Everything happens in one clocked block, so both simulators agree on every cycle.

```
            in.bin                        out.bin, beats.bin
              │        ┌───────────────┐        ▲
 command ─►  bench ──► │ samples       │ ──► results, each with its cycle
   go, op, …  │  ◄──►  │ bus     core  │
 done, …  ◄───┘        └───────────────┘
```
"""

import re
from dataclasses import dataclass
from enum import IntEnum

from bepsw.errors import BepError

__all__ = ["BENCH", "COMMANDS", "OUTCOMES", "Op", "Ports", "bench_verilog", "control_file", "read_ports"]

BENCH = "bepsim_bench"
"""Name of the bench's module."""

COMMANDS = ("clk", "go", "op", "addr", "data", "count", "wanted", "limit", "seed", "p_sample", "p_result")
"""Inputs of the bench; a change of `go` starts the command that the others describe."""

OUTCOMES = ("done", "late", "unknown", "value", "moved_in", "moved_out", "cycle", "pins")
"""Outputs of the bench; a change of `done` says that the others hold."""


class Op(IntEnum):
    """Commands, as numbered in the Verilog below."""

    RESET = 0
    PEEK = 1
    POKE = 2
    READ = 3
    WRITE = 4
    STREAM = 5
    QUIET = 6
    CLOCKS = 7


@dataclass(frozen=True)
class Ports:
    """What differs from core to core: data bits of a sample beat, bits of a result."""

    data: int
    result: int


_PORTS = {
    "clk": ("input", 1),
    "rst": ("input", 1),
    "samples__payload": ("input", None),
    "samples__valid": ("input", 1),
    "samples__ready": ("output", 1),
    "results__payload": ("output", None),
    "results__valid": ("output", 1),
    "results__ready": ("input", 1),
    "bus__valid": ("input", 1),
    "bus__write": ("input", 1),
    "bus__addr": ("input", 16),
    "bus__wdata": ("input", 32),
    "bus__ready": ("output", 1),
    "bus__rdata": ("output", 32),
    "idle": ("output", 1),
}


def read_ports(verilog, top):
    """`Ports` of module `top` in `verilog`, with a plain sentence if it is not a core's outside."""
    module = re.search(rf"^module {re.escape(top)}\b.*?^endmodule", verilog, re.M | re.S)
    if module is None:
        raise BepError(f"The Verilog has no module {top}.")
    found = {}
    for kind, high, low, name in re.findall(r"^\s*(input|output)\s+(?:\[(\d+):(\d+)\]\s*)?(\w+)\s*;", module[0], re.M):
        found[name] = kind, (int(high) - int(low) + 1 if high else 1)
    for name, (kind, width) in _PORTS.items():
        if name not in found or found[name][0] != kind or width not in (None, found[name][1]):
            raise BepError(f"The simulated module {top} must have an {kind} {name} of {width or 'some'} bits.")
    if extra := sorted(set(found) - set(_PORTS)):
        raise BepError(f"The simulation knows no port {extra[0]} of module {top}; drive it inside the module.")
    result = found["results__payload"][1]
    if result > 64:
        raise BepError(f"A result of module {top} has {result} bits; the simulation takes at most 64.")
    return Ports(data=found["samples__payload"][1] - 1, result=result)


def bench_verilog(ports, top):
    """Source of the bench around module `top`."""
    beat = 8 * (1 + -(-ports.data // 8))
    text = _BENCH.replace("@TOP@", top).replace("@BENCH@", BENCH)
    return text.replace("@DATA@", str(ports.data)).replace("@RESULT@", str(ports.result)).replace("@BEAT@", str(beat))


def control_file():
    """Verilator control file that shows only the bench's ports to cocotb; all else may be optimised."""
    shown = [f'public_flat_rw -module "{BENCH}" -var "{name}"' for name in (*COMMANDS, *OUTCOMES)]
    return "\n".join(["`verilator_config", *shown, ""])


_BENCH = """\
module @BENCH@ (
    input clk, input go, input [2:0] op, input [15:0] addr, input [31:0] data, input [31:0] count,
    input [31:0] wanted, input [31:0] limit, input [31:0] seed, input [15:0] p_sample, input [15:0] p_result,
    output reg done, output reg late, output reg unknown, output reg [31:0] value,
    output reg [31:0] moved_in, output reg [31:0] moved_out, output reg [63:0] cycle, output [6:0] pins
);
  localparam DATA = @DATA@, RESULT = @RESULT@, BEAT = @BEAT@;
  localparam RESET = 0, PEEK = 1, POKE = 2, READ = 3, WRITE = 4, STREAM = 5, QUIET = 6, CLOCKS = 7;

  reg rst, running, finished, s_valid, r_ready, b_valid, b_write;
  reg [2:0] what;
  reg [DATA:0] s_payload;
  reg [15:0] b_addr;
  reg [31:0] b_wdata, waited, s_random, r_random;
  wire s_ready, r_valid, b_ready, idle;
  wire [RESULT-1:0] r_payload;
  wire [31:0] b_rdata;
  assign pins = {idle, s_valid, s_ready, r_valid, r_ready, b_valid, b_ready};

  reg [BEAT-1:0] beat;
  reg [31:0] word, next_in, next_out;
  reg moved, over;
  integer code, source, sink, beats;

  @TOP@ core (
    .clk(clk), .rst(rst), .idle(idle),
    .samples__payload(s_payload), .samples__valid(s_valid), .samples__ready(s_ready),
    .results__payload(r_payload), .results__valid(r_valid), .results__ready(r_ready),
    .bus__valid(b_valid), .bus__write(b_write), .bus__addr(b_addr), .bus__wdata(b_wdata),
    .bus__ready(b_ready), .bus__rdata(b_rdata)
  );

  initial begin
    {rst, running, finished, s_valid, r_ready, b_valid, b_write, done, late, unknown} = 10'b1000000000;
    {s_payload, b_addr, b_wdata, waited, value, moved_in, moved_out, cycle, what} = 0;
    s_random = 1;
    r_random = 1;
  end

  function [31:0] shuffled(input [31:0] x);
    begin
      shuffled = x ^ (x << 13);
      shuffled = shuffled ^ (shuffled >> 17);
      shuffled = shuffled ^ (shuffled << 5);
    end
  endfunction

  task begin_command;
    begin
      what <= op;
      running <= 1;
      waited <= 0;
      moved_in <= 0;
      moved_out <= 0;
      late <= 0;
      unknown <= 0;
      b_addr <= addr;
      b_wdata <= data;
      b_write <= op == POKE || op == WRITE;
      b_valid <= op == PEEK || op == POKE || op == READ || op == WRITE;
      rst <= op == RESET;
      if (op == RESET) begin
        s_random <= shuffled({seed[30:0], 1'b1});
        r_random <= shuffled({~seed[30:0], 1'b1});
      end
      if (op == WRITE || op == STREAM) source = $fopen("in.bin", "rb");
      if (op == READ || op == STREAM) sink = $fopen("out.bin", "wb");
      if (op == STREAM) beats = $fopen("beats.bin", "wb");
      if (op == WRITE) begin
        code = $fread(word, source);
        b_wdata <= word;
      end
    end
  endtask

  task end_command(input missed);
    begin
      late <= missed;
      running <= 0;
      finished <= ~finished;
      s_valid <= 0;
      r_ready <= 0;
      b_valid <= 0;
      rst <= 0;
      if (what == WRITE || what == STREAM) $fclose(source);
      if (what == READ || what == STREAM) $fclose(sink);
      if (what == STREAM) $fclose(beats);
    end
  endtask

  task step_bus;
    if (b_ready) begin
      moved = 1;
      next_in = moved_in + 1;
      value <= b_rdata;
      if (!b_write && ^b_rdata === 1'bx) unknown <= 1;
      if (what == READ) $fwrite(sink, "%u", b_rdata);
      over = next_in >= count;
      if (what == WRITE && !over) begin
        code = $fread(word, source);
        b_wdata <= word;
      end
    end
  endtask

  task step_stream;
    begin
      s_random <= shuffled(s_random);
      r_random <= shuffled(r_random);
      if (s_valid && s_ready) begin
        moved = 1;
        next_in = moved_in + 1;
        $fwrite(beats, "%u", cycle);
      end
      if (!s_valid || s_ready) begin
        s_valid <= 0;
        if (next_in < count && s_random[31:16] >= p_sample) begin
          code = $fread(beat, source);
          s_payload <= {beat[BEAT-8], beat[DATA-1:0]};
          s_valid <= 1;
        end
      end
      if (r_valid && r_ready) begin
        moved = 1;
        next_out = moved_out + 1;
        if (^r_payload === 1'bx) unknown <= 1;
        $fwrite(sink, "%u%u", cycle, {{64 - RESULT{1'b0}}, r_payload});
      end
      r_ready <= next_out < wanted && r_random[31:16] >= p_result;
      over = next_in >= count && next_out >= wanted;
    end
  endtask

  always @(posedge clk) begin
    cycle <= rst ? 0 : cycle + 1;
    done <= finished;  // a clock after the outcomes: Icarus shows one change at a time
    if (!running && go != finished) begin_command;
    if (running) begin
      moved = 0;
      over = 0;
      next_in = moved_in;
      next_out = moved_out;
      case (what)
        STREAM: step_stream;
        QUIET: over = idle;
        RESET, CLOCKS: over = waited + 1 >= count;
        default: step_bus;
      endcase
      moved_in <= next_in;
      moved_out <= next_out;
      waited <= moved ? 0 : waited + 1;
      if (over) end_command(0);
      else if (waited >= limit && what != CLOCKS && what != RESET) end_command(1);
    end
  end
endmodule
"""
