"""Room jobs: durable work with leases and fencing tokens."""

from bucle.control.jobs.queue import enqueue, get_job, list_jobs
from bucle.control.jobs.records import Job, NewJob

__all__ = ["Job", "NewJob", "enqueue", "get_job", "list_jobs"]
