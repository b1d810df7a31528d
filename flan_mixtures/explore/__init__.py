"""One page to look at a mixture with: weights as a picture, tasks, real examples, what was cut."""
