"""How the project is installed: dependencies with the reason for each bound, packages, data files, the `t5x` command.

The exact versions that were seen to work together stand in constraints.txt; the ranges here are what may be used.
A lower bound is the release the tests pass with, unless its reason names an older one: nothing older has been tried.
An upper bound is the next release that may break by the library's own versioning.
"""

import pathlib

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = pathlib.Path(__file__).resolve().parent

# What the model, the training step and decoding need: no TensorFlow among them.
JAX_CORE = [
    "jax>=0.10.1,<0.12",  # flax 0.12.8 needs 0.10; 0.11 is what new GPU machines have; every 0.x may break
    "numpy>=2.0,<3",  # jax 0.10 needs 2.0; a major release may break
    "flax>=0.12.8,<0.13",  # linen with logical axis metadata; every 0.x may break
    "optax>=0.2.8,<0.3",  # the optimizers behind t5x/optim; every 0.x may break
    "orbax-checkpoint>=0.12.8,<0.13",  # the checkpoint format on disk; every 0.x may break
    "msgpack>=1.1,<2",  # T5X's older checkpoint formats; flax depends on it too; a major release may break
    "jaxtyping>=0.3.11,<0.4",  # array shapes in signatures, read at import; every 0.x may break
    "absl-py>=2.3,<3",  # flags and logging, shared with orbax, clu and seqio
    "gin-config==0.5.0",  # the config language; published T5X files parse with exactly this release
    "rich>=14,<16",  # progress line and tables; flax depends on it too, with an open upper end
    "matplotlib>=3.10,<4",  # the loss-curve picture
]

# What the data pipeline, the evaluator and TensorBoard files need.
DATA = [
    "seqio==0.0.20",  # tasks, mixtures, evaluator; 0.0.x promises nothing between releases
    "tensorflow>=2.21,<2.22",  # seqio imports it; one minor release with tensorflow-text. Not tensorflow-cpu: seqio's
    # own dependencies ask for `tensorflow` and would install it a second time beside it
    "tensorflow-text>=2.21,<2.22",  # SentencePiece inside tf.data; requires the same minor release of tensorflow
    "tensorflow-datasets>=4.9.10,<5",  # seqio's TFDS sources; a major release may break
    "importlib_resources>=7.1,<8",  # tensorflow-datasets 4.9.10 imports it to prepare a data set, and does not ask for
    # it; a major release may break
    "pyarrow>=25.0.1,<27",  # parquet and arrow files as sources; a major release may break; 25 beside apache-beam
    "clu==0.0.12",  # TensorBoard event files; seqio depends on it too; 0.0.x promises nothing between releases
    "tensorboard>=2.21,<2.22",  # clu's event writer imports it, but only tensorflow up to 2.20 brought it along
    "array_record>=0.8.3,<0.9",  # a format that flan-mixtures exports; tensorflow-datasets reads its own files with it
    "sentencepiece>=0.2.1,<0.3",  # vocabularies; seqio needs 0.2; 0.2.1 has the first wheels for Python 3.13
]

TEST = [
    "pytest>=9,<10",  # a major release may break
    "pytest-xdist>=3.8,<4",  # `make test` runs in two processes
    "beartype>=0.22.9,<0.24",  # checks the array shapes in signatures while tests run; every 0.x may break; 0.22
    # beside apache-beam
    "ruff>=0.17,<0.18",  # lint and format; another minor release formats differently
]

# Only to compare speed and numbers with Hugging Face's T5; no code of the project needs them.
BENCH = [
    "torch>=2.13,<3",  # what transformers runs on
    "transformers>=5.23,<6",  # the T5 that the benchmark's ratio is taken to; a major release may break
]

# Only to write SeqIO's offline caches, with `t5x cache`. It takes protobuf, pyarrow, pillow, beartype,
# sentencepiece and python-dateutil down, hence an extra of its own, with its own exact versions in
# constraints-cache.txt, best in a virtual environment of its own. Reading a cache does not need it.
CACHE = [
    "apache-beam>=2.77,<2.78",  # seqio.beam_utils runs on it; the first with Python 3.13 and protobuf 6.33; a minor
    # release may move those bounds
    "sentencepiece<0.2.3",  # the protobuf code in 0.2.3 refuses to run on Beam's protobuf 6
]


class BuildWithGin(build_py):
    """Also puts gin/ at t5x/_gin/ of a plain install.

    In the checkout gin/ can be no package: it would shadow the gin library. An editable install reads it where it is.
    """

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for source in sorted((ROOT / "gin").rglob("*.gin")):
            target = pathlib.Path(self.build_lib, "t5x", "_gin", source.relative_to(ROOT / "gin"))
            self.mkpath(str(target.parent))
            self.copy_file(str(source), str(target))


setup(
    name="t5x-flan",
    version="0.1.0",
    description="Instruction tuning and prompt tuning of encoder-decoder language models in JAX.",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8") if (ROOT / "README.md").exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",  # 3.11: orbax and jax need it; 3.14: tensorflow-text has no wheel for it
    install_requires=JAX_CORE + DATA,
    extras_require={"test": TEST, "bench": BENCH, "cache": CACHE},
    packages=find_packages(
        include=["t5x", "t5x.*", "flan_mixtures", "flan_mixtures.*", "prompt_tuning", "prompt_tuning.*"]
    ),
    package_dir={"": "."},  # said outright, so that an editable install puts the checkout on the path, new packages too
    cmdclass={"build_py": BuildWithGin},
    package_data={
        "": ["*.gin", "py.typed"],
        "t5x": ["**/*.gin", "*.md"],
        "flan_mixtures": [
            f"**/*.{ending}" for ending in ("toml", "json", "jsonl", "csv", "txt", "html", "model", "vocab")
        ],
    },
    entry_points={
        "console_scripts": ["t5x=t5x.main:main", "flan-mixtures=flan_mixtures.main:main"],
        # Modules that register SeqIO tasks, found by name: see t5x/data/installed_tasks.py.
        "t5x.tasks": [
            "flan=flan_mixtures.tasks",
            "mini_flan=flan_mixtures.mini.tasks",
            "bbh=flan_mixtures.evals.bbh_tasks",
        ],
    },
)
