"""Door: T5X's `t5x.optimizers`. Rooms: t5x/optim/ and t5x/adafactor.py."""

from t5x.adafactor import Adafactor as Adafactor
from t5x.optim.optimizer_def import OptimizerDef as OptimizerDef
from t5x.optim.optimizer_def import OptimizerDefType as OptimizerDefType
from t5x.optim.optimizer_def import OptimizerState as OptimizerState

__all__ = ["Adafactor", "OptimizerDef", "OptimizerDefType", "OptimizerState"]
