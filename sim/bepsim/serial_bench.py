"""The Verilog around a core with a serial link: a UART of its own at the other end of the two wires.

Bytes of `in.bin` join a queue that is sent at once; bytes that came are in `out.bin`, a 32-bit word each, when the
command ends: with the first delimiter (a zero byte), or when the last byte is sent, or with its time. The wires are
served between commands too.
"""

__all__ = ["QUEUE", "serial_bench"]

QUEUE = 1 << 16
"""Bytes that the bench holds in each direction."""


def serial_bench(module, top):
    """Source of the bench, called `module`, around module `top` with the ports of `bephw.link.soc.LinkedTrainer`."""
    return _BENCH.replace("@TOP@", top).replace("@BENCH@", module).replace("@QUEUE@", str(QUEUE))


_BENCH = """\
module @BENCH@ (
    input clk, input go, input [2:0] op, input [15:0] addr, input [31:0] data, input [31:0] count,
    input [31:0] wanted, input [31:0] limit, input [31:0] seed, input [15:0] p_sample, input [15:0] p_result,
    output reg done, output reg late, output reg unknown, output reg [31:0] value,
    output reg [31:0] moved_in, output reg [31:0] moved_out, output reg [63:0] cycle, output [6:0] pins
);
  localparam RESET = 0, EXCHANGE = 5, CLOCKS = 7, QUEUE = @QUEUE@;

  reg rst, running, finished, rx;
  reg [2:0] what;
  reg [31:0] waited, bit_clocks;
  wire tx, alive, training, error;
  assign pins = {alive, training, error, tx, rx, 2'b00};

  reg [7:0] outbox [0:QUEUE-1], inbox [0:QUEUE-1];
  reg [31:0] out_first, out_end, in_first, in_end, delimiters;
  reg [8:0] send_bits;
  reg [3:0] send_left, take_left;
  reg [31:0] send_wait, take_wait;
  reg [7:0] take_bits, a_byte;
  integer code, source, sink, index;

  @TOP@ core (
    .clk(clk), .rst(rst), .rx(rx), .tx(tx), .alive(alive), .training(training), .error(error)
  );

  initial begin
    {rst, rx, running, finished, done, late, unknown} = 7'b1100000;
    {waited, value, moved_in, moved_out, cycle, what, out_first, out_end, in_first, in_end, delimiters} = 0;
    {send_bits, send_left, send_wait, take_left, take_wait, take_bits} = 0;
    bit_clocks = 16;
  end

  task begin_command;
    begin
      what = op;
      running = 1;
      waited = 0;
      rst = op == RESET;
      if (op == EXCHANGE) begin
        bit_clocks = data;
        source = $fopen("in.bin", "rb");
        for (index = 0; index < count; index = index + 1) begin
          code = $fread(a_byte, source);
          outbox[out_end % QUEUE] = a_byte;
          out_end = out_end + 1;
        end
        $fclose(source);
      end
    end
  endtask

  task end_command;
    begin
      running = 0;
      finished = ~finished;
      rst = 0;
      moved_in = out_end - out_first;
      moved_out = in_end - in_first;
      if (what == EXCHANGE) begin
        sink = $fopen("out.bin", "wb");
        for (index = 0; index < moved_out; index = index + 1)
          $fwrite(sink, "%u", {24'd0, inbox[(in_first + index) % QUEUE]});
        $fclose(sink);
        in_first = in_end;
        delimiters = 0;
      end
    end
  endtask

  task send_step;
    if (send_left == 0) begin
      if (out_first != out_end) begin
        send_bits = {1'b1, outbox[out_first % QUEUE]};
        out_first = out_first + 1;
        send_left = 10;
        send_wait = bit_clocks - 1;
        rx <= 0;
      end
    end else if (send_wait != 0) send_wait = send_wait - 1;
    else begin
      send_left = send_left - 1;
      send_wait = bit_clocks - 1;
      rx <= send_bits[0];
      send_bits = {1'b1, send_bits[8:1]};
    end
  endtask

  task take_step;
    if (take_left == 0) begin
      if (!tx) begin
        take_left = 9;
        take_wait = bit_clocks + bit_clocks / 2 - 1;
      end
    end else if (take_wait != 0) take_wait = take_wait - 1;
    else begin
      take_left = take_left - 1;
      take_wait = bit_clocks - 1;
      if (take_left != 0) take_bits = {tx, take_bits[7:1]};
      else if (tx) begin
        inbox[in_end % QUEUE] = take_bits;
        in_end = in_end + 1;
        if (take_bits == 0) delimiters = delimiters + 1;
      end
    end
  endtask

  always @(posedge clk) begin
    cycle = cycle + 1;
    done <= finished;  // a clock after the outcomes: Icarus shows one change at a time
    if (tx === 1'bx) unknown = 1;
    if (!running && go != finished) begin_command;
    send_step;
    take_step;
    if (running) begin
      waited = waited + 1;
      if (what == EXCHANGE) begin
        if (wanted != 0 ? out_first == out_end && send_left == 0 : delimiters != 0 || waited >= limit) end_command;
      end else if (waited >= count) end_command;
    end
  end
endmodule
"""
