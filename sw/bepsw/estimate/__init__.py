"""Resources, clock and speed of a core from formulas, without a synthesis; and the search for the best core."""
