"""Figure 8: features learnt with contrast on some levels only, the baselines of table 4."""

from dataclasses import replace

from psp.reproduce.table4 import TABLE4

FIGURE8 = replace(
    TABLE4, name="figure8", title="Figure 8: features by the levels that are contrasted", from_weights=True
)
