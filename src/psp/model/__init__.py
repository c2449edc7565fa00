"""The networks: encoders, skeleton pyramid, polymerising attention, heads and the predictor."""
