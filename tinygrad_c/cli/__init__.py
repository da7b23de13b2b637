"""The command line: `python -m tinygrad_c train | predict | info`. Arguments are parsed in main.py."""
