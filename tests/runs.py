"""A small training for tests: a few seconds, twelve labelled and unlabelled clips a step."""

from psp.batches.loader import BatchConfig
from psp.batches.resample import SampleConfig
from psp.model.encoder import EncoderConfig
from psp.model.psp import ModelConfig
from psp.train.config import TrainConfig
from psp.train.optim import OptimConfig

SMALL_RUN = TrainConfig(
    "synthetic-xsub", "2/class",
    data=BatchConfig(SampleConfig(frames=8)),
    model=ModelConfig(EncoderConfig(((4, 4, 2, 2), (4, 8, 2, 1)), heads=2)),
    optim=OptimConfig("adamw", 1e-2, warmup=1, schedule="cosine"),
    labelled_batch=4, unlabelled_batch=8, epochs=3, average=0.9, log_every=1,
)  # fmt: skip
