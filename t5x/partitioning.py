"""Door: T5X's `t5x.partitioning`, for gin files and for flaxformer, prompt-tuning and airio. Rooms: t5x/shard/."""

from jax.sharding import PartitionSpec as PartitionSpec

from t5x.shard.axis_rules import LogicalAxisRules as LogicalAxisRules
from t5x.shard.axis_rules import standard_logical_axis_rules as standard_logical_axis_rules
from t5x.shard.mesh import make_mesh as default_mesh
from t5x.shard.partitioner import BasePartitioner as BasePartitioner
from t5x.shard.partitioner import BasePjitPartitioner as BasePjitPartitioner
from t5x.shard.partitioner import DataLayout as DataLayout
from t5x.shard.partitioner import PjitPartitioner as PjitPartitioner

__all__ = [
    "BasePartitioner",
    "BasePjitPartitioner",
    "DataLayout",
    "LogicalAxisRules",
    "PartitionSpec",
    "PjitPartitioner",
    "default_mesh",
    "standard_logical_axis_rules",
]
