"""This file makes pytest put tests/ on the path, so that each test can import `samples` and `jobs`, wherever it is run from."""
