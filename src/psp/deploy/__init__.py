"""From a trained run to something that recognises recordings elsewhere: one graph, one file, one stream."""
