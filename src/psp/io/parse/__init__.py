"""Parsing of text, JSON, pickles and HDF5 of any origin: no foreign code is run, errors say what is wrong and where."""
