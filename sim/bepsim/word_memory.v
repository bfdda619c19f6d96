// Words of 16 bits, read and written at the clock edge. In Icarus a word that was never written is undefined.
module word_memory #(parameter BITS = 16) (
    input clk, input write, input [BITS-1:0] write_address, input [15:0] write_data,
    input [BITS-1:0] read_address, output reg [15:0] read_data
);
  reg [15:0] words [0:(1<<BITS)-1];

  always @(posedge clk) begin
    if (write) words[write_address] <= write_data;
    read_data <= words[read_address];
  end
endmodule
