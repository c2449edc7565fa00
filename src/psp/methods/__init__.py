"""What one training step does with labelled and unlabelled clips, one file a method."""
