"""`python -m tinygrad_c` is the command line."""
import sys

from tinygrad_c.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
