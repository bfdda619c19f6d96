// Behaviour of the ECP5 cells that Yosys' netlists of the core contain, for the simulation of a synthesised core.
//
// Written from Lattice's descriptions (TN-02204 memory, TN-02205 sysDSP, FPGA-DS-02012), only as far as the flow uses
// them. A setting that is not modelled stops the simulation. DP16KD answers garbage where the silicon does: a word read
// while the other port writes it.

module LUT4 #(parameter [15:0] INIT = 0) (input A, B, C, D, output Z);
  assign Z = INIT[{D, C, B, A}];
endmodule

module CCU2C #(
    parameter [15:0] INIT0 = 0, INIT1 = 0,
    parameter INJECT1_0 = "YES", INJECT1_1 = "YES"
) (
    input CIN, A0, B0, C0, D0, A1, B1, C1, D1,
    output S0, S1, COUT
);
  wire p0 = INIT0[{D0, C0, B0, A0}], g0 = INIT0[{2'b00, B0, A0}];
  wire p1 = INIT1[{D1, C1, B1, A1}], g1 = INIT1[{2'b00, B1, A1}];
  wire middle = p0 ? CIN : g0 & (INJECT1_0 == "NO");
  assign S0 = p0 ^ (CIN & (INJECT1_0 == "NO"));
  assign S1 = p1 ^ (middle & (INJECT1_1 == "NO"));
  assign COUT = p1 ? middle : g1 & (INJECT1_1 == "NO");
endmodule

module TRELLIS_FF #(
    parameter GSR = "DISABLED", CLKMUX = "CLK", CEMUX = "CE", LSRMUX = "LSR", SRMODE = "LSR_OVER_CE", REGSET = "RESET"
) (
    input CLK, DI, CE, LSR,
    output reg Q
);
  // Yosys marks a text that looks like a number by a space.
  wire enable = CEMUX == "1" || CEMUX == "1 " || (CEMUX == "INV" ? ~CE : CE);
  wire set = LSRMUX == "INV" ? ~LSR : LSR;
  initial begin
    Q = REGSET == "SET";
    if (CLKMUX != "CLK" || SRMODE != "LSR_OVER_CE" || GSR == "ENABLED") begin
      $display("TRELLIS_FF: a mode that the model does not know");
      $finish;
    end
  end
  always @(posedge CLK) if (set) Q <= REGSET == "SET"; else if (enable) Q <= DI;
endmodule

module TRELLIS_DPR16X4 #(
    parameter WCKMUX = "WCK", WREMUX = "WRE",
    parameter [63:0] INITVAL = 64'd0
) (
    input [3:0] DI, WAD, RAD,
    input WRE, WCK,
    output [3:0] DO
);
  reg [63:0] words = INITVAL;
  assign DO = words[{RAD, 2'b00} +: 4];
  initial if (WCKMUX != "WCK" || WREMUX != "WRE") begin
    $display("TRELLIS_DPR16X4: a mode that the model does not know");
    $finish;
  end
  always @(posedge WCK) if (WRE) words[{WAD, 2'b00} +: 4] <= DI;
endmodule

// One block of 2048 bytes of 9 bits, two ports. Port widths 1, 2, 4 leave the ninth bit alone; at 36 bits (pseudo dual
// port) A writes and B reads, and each carries the lower half of the word on A's data pins, the upper on B's.
module DP16KD #(
    parameter [31:0] DATA_WIDTH_A = 18, DATA_WIDTH_B = 18,
    parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG", WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL",
    parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC", GSR = "DISABLED",
    parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB", CSDECODE_A = "0b000", CSDECODE_B = "0b000"
) (
    input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2,
      DIA1, DIA0,
      ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
      CLKA, CEA, OCEA, WEA, RSTA, CSA2, CSA1, CSA0,
    input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2,
      DIB1, DIB0,
      ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
      CLKB, CEB, OCEB, WEB, RSTB, CSB2, CSB1, CSB0,
    output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
      DOA1, DOA0,
    output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
      DOB1, DOB0
);
  wire [17:0] in_a = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5,
    DIA4, DIA3, DIA2, DIA1, DIA0};
  wire [13:0] at_a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
  wire [17:0] in_b = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5,
    DIB4, DIB3, DIB2, DIB1, DIB0};
  wire [13:0] at_b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
  wire [35:0] both_in = {in_b, in_a};
  reg [8:0] bytes[0:2047];
  reg [17:0] latch_a = 0, latch_b = 0, out_a = 0, out_b = 0;
  reg clash_a, clash_b;
  integer i;

  // The bytes that an access at `at` of a `width` touches: the first one, and how many.
  function [10:0] first(input [31:0] width, input [13:0] at);
    first = width == 36 ? {at[13:5], 2'b00} : width == 18 ? {at[13:4], 1'b0} : at[13:3];
  endfunction
  // Whether two accesses meet: the wider one decides which address bits count.
  function overlap(input [13:0] at, input [13:0] other_at);
    overlap = (at ^ other_at) >> ($clog2((DATA_WIDTH_A > DATA_WIDTH_B ? DATA_WIDTH_A : DATA_WIDTH_B) + 1) - 1) == 0;
  endfunction
  // From 18 bits on, the lowest address bits enable the bytes.
  function writes(input [31:0] width, input enable, input [13:0] at);
    writes = enable & (width == 36 ? |at[3:0] : width == 18 ? |at[1:0] : 1'b1);
  endfunction
  function [8:0] narrow(input [31:0] width, input [13:0] at, input [8:0] word);
    narrow = width == 9 ? word
      : width == 4 ? {5'd0, word[{at[2], 2'b00} +: 4]}
      : width == 2 ? {7'd0, word[{at[2:1], 1'b0} +: 2]} : {8'd0, word[at[2:0]]};
  endfunction
  function [8:0] merged(input [31:0] width, input [13:0] at, input [8:0] old, input [8:0] data);
    begin
      merged = old;
      case (width)
        9: merged = data;
        4: merged[{at[2], 2'b00} +: 4] = data[3:0];
        2: merged[{at[2:1], 1'b0} +: 2] = data[1:0];
        default: merged[at[2:0]] = data[0];
      endcase
    end
  endfunction
  function [17:0] read(input [31:0] width, input [13:0] at);
    read = width >= 18 ? {bytes[first(width, at) + 1], bytes[first(width, at)]}
      : {9'd0, narrow(width, at, bytes[first(width, at)])};
  endfunction
  task write(input [31:0] width, input [13:0] at, input [35:0] data);
    if (width >= 18) begin
      for (i = 0; i < width / 9; i = i + 1) if (at[i]) bytes[first(width, at) + i] = data[9 * i +: 9];
    end else bytes[first(width, at)] = merged(width, at, bytes[first(width, at)], data[8:0]);
  endtask

  always @(posedge CLKA) begin
    clash_a = writes(DATA_WIDTH_B, CEB & WEB, at_b) & overlap(at_a, at_b);
    clash_b = writes(DATA_WIDTH_A, CEA & WEA, at_a) & overlap(at_a, at_b);
    if (OCEA) out_a <= latch_a;
    if (OCEB) out_b <= latch_b;
    if (DATA_WIDTH_B == 36) begin
      if (CEB) {latch_b, latch_a} <= {read(18, at_b | 14'd16), read(18, at_b & ~14'd16)} ^ {36{clash_b}};
    end else begin
      if (CEA && !(WEA && WRITEMODE_A == "NORMAL")) latch_a <= read(DATA_WIDTH_A, at_a) ^ {18{clash_a}};
      if (CEB && !(WEB && WRITEMODE_B == "NORMAL")) latch_b <= read(DATA_WIDTH_B, at_b) ^ {18{clash_b}};
    end
    if (CEA & WEA) write(DATA_WIDTH_A, at_a, DATA_WIDTH_A == 36 ? both_in : {18'd0, in_a});
    if (CEB & WEB) write(DATA_WIDTH_B, at_b, {18'd0, in_b});
  end

  initial begin
    for (i = 0; i < 2048; i = i + 1) bytes[i] = 0;
    if (CLKAMUX != "CLKA" || CLKBMUX != "CLKB" || WRITEMODE_A == "WRITETHROUGH" || WRITEMODE_B == "WRITETHROUGH") begin
      $display("DP16KD: a mode that the model does not know");
      $finish;
    end
  end
  assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3,
    DOA2, DOA1, DOA0} = REGMODE_A == "OUTREG" ? out_a : latch_a;
  assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3,
    DOB2, DOB1, DOB0} = REGMODE_B == "OUTREG" ? out_b : latch_b;
endmodule
