"""Door: the names that gin files and T5X-based projects know as `t5x.gin_utils`; the rooms are in t5x/config."""

from t5x.config.absl_script import run as run
from t5x.config.gin_flags import rewrite_gin_args as rewrite_gin_args
from t5x.config.gin_functions import bool_fn as bool_fn
from t5x.config.gin_functions import string_split_fn as string_split_fn
from t5x.config.gin_functions import sum_fn as sum_fn
from t5x.config.operative_config import get_gin_config_str as get_gin_config_str
from t5x.config.operative_config import summarize_gin_config as summarize_gin_config
from t5x.config.parse import parse_gin_flags as parse_gin_flags
