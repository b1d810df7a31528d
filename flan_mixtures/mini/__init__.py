"""Mini Flan: a small instruction-tuning mixture made of generated questions, for the quickstart and for tests.

Data's way: `families/*` make questions -> `rows` places them in train, validation or test -> `records` serves them as a
source of generated records -> `templates/*.toml` and `render` turn a row into text -> `exemplars` adds few-shot
exemplars within a token budget -> `corpus` lists the text of a task -> `tasks` hands it to SeqIO. Everything but
`tasks` is plain Python and imports neither TensorFlow nor JAX.
Templates and rendering are this package's own: the text of the quickstart's run has to stay as it is, one line each.
"""
