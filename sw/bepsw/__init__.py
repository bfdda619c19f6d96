"""The contract in numpy: specification, golden model, cycle model, data, and the host driver."""
