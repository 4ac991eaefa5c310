"""Names of responses that say where they stand, so that a driver that knows nothing of a stream can go on with it.

Clients give the name of the last response they had when they come back. It looks like a UUID, as Spark's do, and holds
a hash of its operation, how many responses (progress messages apart) the client has with it, and for a progress message
its number.
"""

from __future__ import annotations

import hashlib
import uuid

_COUNT_BYTES, _PROGRESS_BYTES = 5, 3
_PROGRESS_MAX = (1 << (8 * _PROGRESS_BYTES)) - 1


def response_id(operation_id: str, count: int, progress: int = 0) -> str:
    """The name of the response with which a client has `count`. `progress` numbers progress messages, from 1."""
    place = count.to_bytes(_COUNT_BYTES) + min(progress, _PROGRESS_MAX).to_bytes(_PROGRESS_BYTES)
    return str(uuid.UUID(bytes=_hash(operation_id) + place))


def count_of(operation_id: str, response_id: str) -> int | None:
    """How many responses a client has that had this one last; None when it is no response of the operation."""
    try:
        octets = uuid.UUID(response_id).bytes
    except ValueError:
        return None
    return int.from_bytes(octets[8 : 8 + _COUNT_BYTES]) if octets[:8] == _hash(operation_id) else None


def _hash(operation_id: str) -> bytes:
    return hashlib.blake2b(operation_id.encode(), digest_size=8).digest()
