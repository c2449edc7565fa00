"""The paper's experiments: which runs each needs, running them, and the tables and figures made from them."""
