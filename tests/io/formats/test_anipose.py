"""Anipose: scores, gaps and header lines that do not fit."""

import numpy as np
import pytest

from psp.errors import RecordingError
from psp.io.format import File
from psp.io.formats.anipose import parse_anipose, recognises_anipose

HEADER = "a_x,a_y,a_z,a_error,a_ncams,a_score,M_00,center_0,fnum\n"


def test_scores_and_gaps() -> None:
    text = HEADER + "1,2,3,.1,2,.5,1,0,4\n1,2,3,.1,2,,1,0,6\n"
    assert recognises_anipose("x.csv", text.encode())
    (raw,) = parse_anipose([File("x.csv", text.encode())])
    np.testing.assert_array_equal(raw.joints[0, :, 0], [[1, 2, 3], [np.nan] * 3, [1, 2, 3]])
    np.testing.assert_array_equal(raw.confidence[0, :, 0], [0.5, 1, 1])
    assert (raw.names, raw.first) == (("a",), 4)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEADER.replace("a_z", "b_z") + "1,2,3,.1,2,.5,1,0,4\n", "the column a_z is missing"),
        (HEADER, "no line of a frame"),
        (HEADER + "1,2,3,.1,2,.5,1,0,4\n1,2,3,.1,2,.5,1,0,4\n", "line 3: frame 4 occurs in line 2 too"),
        (HEADER + "1,2,3,.1,2,.5,1,0\n", "line 2: expected 9 entries, found 8"),
    ],
)
def test_what_is_wrong_is_named(text: str, says: str) -> None:
    with pytest.raises(RecordingError, match=says):
        parse_anipose([File("x.csv", text.encode())])
