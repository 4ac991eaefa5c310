"""Frames between daemon and executor: a 4-byte little-endian length, then one protobuf message."""

from __future__ import annotations

import socket
import struct

LENGTH = struct.Struct("<I")
FRAME_BYTES_MAX = 1 << 30
"""Nothing legitimate is larger; a length above it means that the two sides have lost step."""


class FrameError(Exception):
    """The peer sent something that is no frame."""


def pack(payload: bytes) -> bytes:
    """One frame."""
    return LENGTH.pack(len(payload)) + payload


def frame_length(prefix: bytes) -> int:
    """The length of the message that follows; raises FrameError when it is impossible."""
    (length,) = LENGTH.unpack(prefix)
    if length > FRAME_BYTES_MAX:
        raise FrameError(f"a frame of {length} bytes is announced, at most {FRAME_BYTES_MAX} are allowed")
    return int(length)


def receive(connection: socket.socket) -> bytes | None:
    """Reads one frame from a blocking socket; None at the end of the stream."""
    prefix = _exactly(connection, LENGTH.size)
    if prefix is None:
        return None
    return _exactly(connection, frame_length(prefix))


def _exactly(connection: socket.socket, length: int) -> bytes | None:
    buffer = bytearray(length)
    view = memoryview(buffer)
    while view:
        received = connection.recv_into(view)
        if not received:
            return None
        view = view[received:]
    return bytes(buffer)
