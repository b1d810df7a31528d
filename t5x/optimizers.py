"""Door: T5X's `t5x.optimizers`. Rooms: t5x/optim/ and t5x/adafactor.py."""

from t5x.adafactor import Adafactor as Adafactor
from t5x.optim.multi_optimizer import MultiOptimizer as MultiOptimizer
from t5x.optim.optax_state import OptaxStatePartitionRules as OptaxStatePartitionRules
from t5x.optim.optax_wrapper import OptaxWrapper as OptaxWrapper
from t5x.optim.optax_wrapper import wrap_optax_optimizer as wrap_optax_optimizer
from t5x.optim.optimizer_def import Optimizer as Optimizer
from t5x.optim.optimizer_def import OptimizerDef as OptimizerDef
from t5x.optim.optimizer_def import OptimizerDefType as OptimizerDefType
from t5x.optim.optimizer_def import OptimizerState as OptimizerState
from t5x.optim.wrapped import adabelief as adabelief
from t5x.optim.wrapped import adagrad as adagrad
from t5x.optim.wrapped import adam as adam
from t5x.optim.wrapped import adamw as adamw
from t5x.optim.wrapped import amos as amos
from t5x.optim.wrapped import chain as chain
from t5x.optim.wrapped import dpsgd as dpsgd
from t5x.optim.wrapped import fromage as fromage
from t5x.optim.wrapped import lamb as lamb
from t5x.optim.wrapped import lars as lars
from t5x.optim.wrapped import lion as lion
from t5x.optim.wrapped import noisy_sgd as noisy_sgd
from t5x.optim.wrapped import radam as radam
from t5x.optim.wrapped import rmsprop as rmsprop
from t5x.optim.wrapped import sgd as sgd
from t5x.optim.wrapped import yogi as yogi
