"""Door: T5X's `t5x.checkpoints` names, for code and gin files written against T5X. The rooms are in `t5x/ckpt/`."""

from t5x.ckpt.discovery import all_steps as all_steps
from t5x.ckpt.discovery import latest_step as latest_step
from t5x.ckpt.layout import checkpoint_path as get_checkpoint_dir
from t5x.ckpt.save import CheckpointSaver as CheckpointSaver

__all__ = ["CheckpointSaver", "all_steps", "get_checkpoint_dir", "latest_step"]
