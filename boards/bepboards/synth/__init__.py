"""From a core's parameters to a routed ECP5 design and its figures, without a board."""
