"""A page on this machine that trains a small net while one watches: `tinygrad_c play [FILE.csv]`."""
