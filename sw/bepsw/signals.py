"""Signals of the system, answered otherwise for a while."""

import signal
import threading
from contextlib import contextmanager

__all__ = ["answered"]


@contextmanager
def answered(number, handler):
    """Signal `number` goes to `handler`, as for `signal.signal`; outside the main thread signals are left alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)
