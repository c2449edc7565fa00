import numpy as np

from psp.report.store_page import _facts
from stores import table_store


def test_a_missing_value_is_no_value_of_a_column():
    store = table_store(["a", "b", "c"], [0, 0, 1], subject=[1.0, np.nan, 2.0], room=["hall", "", ""])
    assert _facts(store)["columns"][1:] == [["subject", "2", "1.0, 2.0"], ["room", "1", "hall"]]
