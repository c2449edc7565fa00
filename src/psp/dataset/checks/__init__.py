"""What `psp check` examines: the measures of every clip, and the faults that they, copies and labels show."""
