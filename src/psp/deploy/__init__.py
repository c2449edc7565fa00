"""Use of trained models: recognition of recordings and live frames, and export to ONNX."""
