import json

import numpy as np
import pytest
import torch

from psp.data.batches import Batches
from psp.errors import TrainingError
from psp.train.finite import refuse_non_finite
from psp.train.run import RunFolder
from psp.train.state import save_checkpoint
from runs import SMALL_RUN
from stores import small_store

ONE, NAN = torch.tensor(1.0), torch.tensor(float("nan"))


def test_every_rank_lists_its_own_clips_and_the_kept_step_is_named(tmp_path):
    store, folder = small_store(tmp_path / "store", clips=12), RunFolder(tmp_path / "run")
    save_checkpoint(folder.checkpoints, 17, {"a": ONE}, {})
    batches = Batches(store, ("joint",), SMALL_RUN.data)
    for rank, clips in enumerate((np.array([0, 1]), np.array([2, 3]))):
        (batch,) = batches.in_order(clips)
        refuse_non_finite(ONE, ONE, [batch, None], store, folder, 20, rank)
        batch.views["joint"][1, 0, 0, 0, 0] = torch.nan
        with pytest.raises(TrainingError, match=f"gradient of step 20.*{store.clips.id[clips[1]]}.* step 17 is kept"):
            refuse_non_finite(ONE, NAN, [batch, None], store, folder, 20, rank)
    for rank, name in enumerate(("non-finite.json", "non-finite-rank1.json")):
        listed = json.loads((folder.path / name).read_text())
        assert listed["clips"] == store.clips.id[2 * rank : 2 * rank + 2].tolist()
        assert listed["not finite themselves"] == [store.clips.id[2 * rank + 1]]
