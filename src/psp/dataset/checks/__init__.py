"""The checks of `psp check`: measures of every clip, and the faults found in them, in copies and in labels."""
