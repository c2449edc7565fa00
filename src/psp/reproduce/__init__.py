"""The paper's experiments: the runs that each needs, their results, and the tables and figures made from them."""
