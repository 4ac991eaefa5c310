"""`python -m headrace_worker.executor FD`: what the daemon starts; FD is its end of a socket pair."""

import os
import signal
import sys
import traceback

if __name__ == "__main__":
    # Stopping is the daemon's business: a Ctrl-C in its terminal reaches the whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from headrace_worker.executor.session import serve

    code = 0
    try:
        serve(int(sys.argv[1]))
    except BaseException:  # noqa: BLE001  (the process ends here, one way or the other)
        traceback.print_exc()
        code = 70
    # Skips interpreter shutdown: the kernel's binding complains about objects still alive then.
    sys.stderr.flush()
    os._exit(code)
