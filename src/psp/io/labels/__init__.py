"""Tables of labels in any known form: facts and intervals of recordings, and which recording a line belongs to."""
