"""pytest puts tests/ on sys.path because of this file, so that each test can import `samples` and `jobs`."""
import signal

# A shell starts background jobs with SIGINT ignored, and their children inherit it: tests of Ctrl-C would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
