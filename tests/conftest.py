"""pytest puts tests/ on sys.path because of this file, so that each test can import `samples` and `jobs`."""
