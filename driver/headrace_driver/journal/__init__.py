"""What a driver writes down so that its successor can go on: an SQLite database in a directory of its own.

    changes -> writer (one thread, group commits) -> store (schema, lock, epoch) ... state -> the next driver

Nothing is told to a client before what led to it is written; see `writer.Journal.written`.
"""
