"""The command line: `python -m tinygrad_c train | predict | info`. One thought a file; main.py is the way in."""
