"""The labelling page: which clips to label next, the labels given, training in the background, and the page."""
