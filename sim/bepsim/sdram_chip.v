// A single-data-rate SDRAM chip of 16-bit words with bursts of one, and a judge of who drives it: what a data sheet
// forbids ends the simulation with a sentence. Its clock is the falling edge: half a period after the controller's.
// Times are in clock cycles. A word that was not read in its cycle is not on the pins.
module sdram_chip #(
    parameter BANKS = 2, ROWS = 13, COLUMNS = 9,
    parameter POWER_UP = 20000, T_RCD = 2, T_RP = 2, T_RAS = 5, T_RC = 7, T_RFC = 7, T_WR = 2, T_RRD = 2, T_MRD = 2,
    parameter T_REFI = 781, POSTPONED = 8, REFRESHES = 2, CAS = 2
) (
    input clk, input rst, input clk_en, input cs_n, input ras_n, input cas_n, input we_n,
    input [BANKS-1:0] ba, input [ROWS-1:0] a, input [1:0] dqm, input [15:0] from_host, input driven,
    output reg [15:0] to_host
);
  localparam MANY = 1 << BANKS;
  localparam [15:0] NOTHING = 16'hdead;

  reg [15:0] words [0:(1<<(BANKS+ROWS+COLUMNS))-1];
  reg [MANY-1:0] open;
  reg [ROWS-1:0] row [0:MANY-1];
  integer activated [0:MANY-1];
  integer precharged [0:MANY-1];
  integer written [0:MANY-1];
  integer now, refreshed, refreshes, started, last_activate, moded, i;
  reg [15:0] on_its_way [0:3];
  reg [3:0] coming;
  reg loaded, driving;
  reg [8*40-1:0] verdict;  // repeated at the end of the log
  wire [BANKS+ROWS+COLUMNS-1:0] place = {row[ba], ba, a[COLUMNS-1:0]};

  task fault(input [8*40-1:0] what);
    begin
      verdict = what;
      $display("SDRAM, cycle %0d: %0s", now, what);
      $fatal(1);
    end
  endtask

  task precharge(input integer bank);
    if (open[bank]) begin
      if (now - activated[bank] < T_RAS) fault("tRAS: closed too early");
      if (now - written[bank] < T_WR) fault("tWR: closed too soon after a write");
      open[bank] <= 0;
      precharged[bank] <= now;
    end
  endtask

  task close_after(input integer bank, input integer earliest);  // auto-precharge
    begin
      open[bank] <= 0;
      precharged[bank] <= earliest > activated[bank] + T_RAS ? earliest : activated[bank] + T_RAS;
    end
  endtask

  task idle_or_fault;
    for (i = 0; i < MANY; i = i + 1) begin
      if (open[i]) fault("a bank is open that must be closed");
      if (now - precharged[i] < T_RP) fault("tRP: not precharged yet");
    end
  endtask

  task column;
    begin
      if (!open[ba]) fault("access to a closed bank");
      if (now - activated[ba] < T_RCD) fault("tRCD: access too soon after activate");
    end
  endtask

  task clear;
    begin
      now <= 0;
      open <= 0;
      coming <= 0;
      loaded <= 0;
      driving <= 0;
      to_host <= NOTHING;
      refreshed <= -1000000;
      last_activate <= -1000000;
      moded <= -1000000;
      refreshes <= 0;
      started <= 0;
      for (i = 0; i < MANY; i = i + 1) begin
        activated[i] <= -1000000;
        precharged[i] <= -1000000;
        written[i] <= -1000000;
      end
    end
  endtask

  initial begin
    verdict = 0;
    clear;
  end

  final if (verdict != 0) $display("SDRAM: %0s", verdict);

  always @(negedge clk) begin
    now <= now + 1;
    coming <= coming >> 1;
    to_host <= coming[0] ? on_its_way[0] : NOTHING;
    for (i = 0; i < 3; i = i + 1) on_its_way[i] <= on_its_way[i+1];
    driving <= coming[0];
    if ((coming[0] || driving) && driven) fault("both sides drive the data pins");
    if (loaded && (now - started) / T_REFI > refreshes + POSTPONED) fault("refreshed too rarely");
    if (clk_en && !cs_n && {ras_n, cas_n, we_n} != 3'b111) begin
      if (now < POWER_UP) fault("a command before the chip is powered up");
      if (now - moded < T_MRD) fault("tMRD: too soon after the mode");
      if (now - refreshed < T_RFC) fault("tRFC: too soon after a refresh");
      if (!loaded && {ras_n, cas_n, we_n} != 3'b010 && {ras_n, cas_n, we_n} != 3'b001 && {ras_n, cas_n, we_n} != 3'b000)
        fault("an access before the mode is loaded");
      case ({ras_n, cas_n, we_n})
        3'b011: begin
          if (open[ba]) fault("activate of an open bank");
          if (now - precharged[ba] < T_RP) fault("tRP: activated too early");
          if (now - activated[ba] < T_RC) fault("tRC: activated too early");
          if (now - last_activate < T_RRD) fault("tRRD: banks activated too close");
          open[ba] <= 1;
          row[ba] <= a;
          activated[ba] <= now;
          last_activate <= now;
        end
        3'b101: begin
          column;
          coming[CAS-2] <= 1;
          on_its_way[CAS-2] <= words[place];
          if (a[10]) close_after(ba, now + 1);
        end
        3'b100: begin
          column;
          if (!driven) fault("a write without data");
          if (!dqm[0]) words[place][7:0] <= from_host[7:0];
          if (!dqm[1]) words[place][15:8] <= from_host[15:8];
          written[ba] <= now;
          if (a[10]) close_after(ba, now + T_WR);
        end
        3'b010:
          if (a[10]) for (i = 0; i < MANY; i = i + 1) precharge(i);
          else precharge(ba);
        3'b001: begin
          idle_or_fault;
          refreshed <= now;
          refreshes <= refreshes + 1;
        end
        3'b000: begin
          idle_or_fault;
          if (refreshes < REFRESHES) fault("mode loaded before it was refreshed");
          if (a[2:0] != 0 || a[6:4] != CAS) fault("a mode of another burst or latency");
          moded <= now;
          started <= now;
          refreshes <= 0;
          loaded <= 1;
        end
        default: fault("a command that nobody gives");
      endcase
    end
    if (rst) clear;
  end
endmodule
