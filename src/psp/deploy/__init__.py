"""Trained models for other programs and machines: one module, ONNX files, live frames."""
