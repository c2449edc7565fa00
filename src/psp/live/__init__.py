"""The live page: frames of a stream with the skeleton and the recognised class."""
