"""From a trained run to predictions and figures of merit."""
