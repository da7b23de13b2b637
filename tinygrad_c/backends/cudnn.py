"""torch.backends.cudnn's switches: they can be set, and change nothing. Results are always the same from run to run."""
enabled = False
benchmark = False
deterministic = True
allow_tf32 = False


def is_available() -> bool:
    """False."""
    return False


def version() -> None:
    """None."""
