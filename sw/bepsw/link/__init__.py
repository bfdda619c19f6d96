"""The serial link to a board: frames, the host's end, and a model of the device's end."""
