"""Speed measurements, one file a measurement; `python -m benchmarks NAME` runs one of them."""
