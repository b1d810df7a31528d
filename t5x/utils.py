"""Door: T5X's `t5x.utils`, for gin files and for prompt-tuning. Rooms: t5x/data/, t5x/ckpt/, t5x/optim/, initialize."""

from t5x.ckpt.config import CheckpointConfig as CheckpointConfig
from t5x.ckpt.config import RestoreCheckpointConfig as RestoreCheckpointConfig
from t5x.ckpt.config import SaveCheckpointConfig as SaveCheckpointConfig
from t5x.data.dataset import get_dataset as get_dataset
from t5x.data.dataset import get_training_eval_datasets as get_training_eval_datasets
from t5x.data.dataset_config import DatasetConfig as DatasetConfig
from t5x.data.inference import get_infer_fn as get_infer_fn
from t5x.data.vocabulary import get_vocabulary as get_vocabulary
from t5x.data.vocabulary import verify_matching_vocabs as verify_matching_vocabs
from t5x.initialize import TrainStateInitializer as TrainStateInitializer
from t5x.optim.learning_rate import create_learning_rate_scheduler as create_learning_rate_scheduler

__all__ = [
    "CheckpointConfig",
    "DatasetConfig",
    "RestoreCheckpointConfig",
    "SaveCheckpointConfig",
    "TrainStateInitializer",
    "create_learning_rate_scheduler",
    "get_dataset",
    "get_infer_fn",
    "get_training_eval_datasets",
    "get_vocabulary",
    "verify_matching_vocabs",
]
