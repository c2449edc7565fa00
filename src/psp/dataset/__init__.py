"""Stored data sets, their splits and label budgets."""
