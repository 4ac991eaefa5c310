"""How a job's failure travels through the driver: an exception that carries the typed failure."""

from __future__ import annotations

import traceback

from headrace_driver.errors import NOWHERE, SparkError
from headrace_proto.v1 import common_pb2


class JobFailed(Exception):
    """A job ended without its result. `failure` says why, as the cluster reported it, and `origin` which place in the
    user's query it came from, once somebody has found that out."""

    def __init__(self, job_id: int, failure: common_pb2.Failure) -> None:
        super().__init__(f"job {job_id} failed: {failure.WhichOneof('cause')}")
        self.job_id = job_id
        self.failure = failure
        self.origin = NOWHERE

    @property
    def is_cancelled(self) -> bool:
        """Somebody asked for it to end."""
        return self.failure.HasField("cancelled")


def failure_of(error: BaseException) -> common_pb2.Failure:
    """The typed failure of an exception raised on the driver while a job was planned or committed."""
    if isinstance(error, JobFailed):
        return error.failure
    if isinstance(error, SparkError):
        contexts = [
            common_pb2.QueryContext(
                start_index=origin.start, stop_index=origin.stop, fragment=origin.fragment, call_site=origin.call_site
            )
            for origin in error.origins
        ]
        return common_pb2.Failure(
            user_error=common_pb2.UserError(
                error_class=error.error_class,
                sql_state=error.sql_state,
                parameters=error.parameters,
                message=error.message,
                contexts=contexts,
            )
        )
    text = "".join(traceback.format_exception(error))
    return common_pb2.Failure(
        internal=common_pb2.InternalError(message=f"{type(error).__name__}: {error}", traceback=text)
    )
