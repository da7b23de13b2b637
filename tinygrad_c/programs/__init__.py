"""Programs: a training step recorded once and replayed without Python, to the same bits. See docs/programs.md."""
