"""Semi-supervised skeleton-based action recognition with PSP Learning."""
