"""From physical operators to stages: kernel text, inputs, tasks and their slices."""
