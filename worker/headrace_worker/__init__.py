"""The worker daemon: executor processes, shuffle blocks, one memory budget a host."""
