"""Predictions, accuracies, features and attention maps of trained models."""
