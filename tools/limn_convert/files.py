"""Writing files."""

import contextlib
import os


@contextlib.contextmanager
def replaced(path):
    """Gives a name to write to, and puts that file in place of `path` at the end: all of it or, after an error, none."""
    temporary = "%s.%d.tmp" % (path, os.getpid())
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)
