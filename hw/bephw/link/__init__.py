"""A serial link in front of the trainer core: UART, COBS frames with a CRC, requests."""
