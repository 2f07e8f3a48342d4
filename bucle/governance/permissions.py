"""Every permission of the house, `<noun>:<verb>`, and the roles that bundle them."""

from enum import StrEnum


class Permission(StrEnum):
    """What a principal may be allowed to do."""

    ACCESS_MANAGE = "access:manage"
    ACCESS_READ = "access:read"
    AUDIT_READ = "audit:read"
    CHARTER_READ = "charter:read"
    CHARTER_WRITE = "charter:write"
    CONTRACT_ACCEPT = "contract:accept"
    CONTROL_APPLY = "control:apply"
    CONTROL_READ = "control:read"
    CONTROL_RUN = "control:run"
    DATASET_APPROVE = "dataset:approve"
    DATASET_FORGET = "dataset:forget"
    DATASET_READ = "dataset:read"
    DATASET_WRITE = "dataset:write"
    FEATURE_READ = "feature:read"
    FEATURE_WRITE = "feature:write"
    FEEDBACK_READ = "feedback:read"
    FEEDBACK_WRITE = "feedback:write"
    LINEAGE_READ = "lineage:read"
    MODEL_PROMOTE = "model:promote"
    MODEL_READ = "model:read"
    MODEL_WRITE = "model:write"
    MONITOR_READ = "monitor:read"
    MONITOR_WRITE = "monitor:write"
    PIPELINE_READ = "pipeline:read"
    PIPELINE_RUN = "pipeline:run"
    PREDICTION_READ = "prediction:read"
    PREDICTION_WRITE = "prediction:write"
    RUN_PURGE = "run:purge"
    RUN_READ = "run:read"
    RUN_WRITE = "run:write"
    SENSITIVE_READ = "sensitive:read"
    SERVING_READ = "serving:read"
    SERVING_WRITE = "serving:write"
    TASK_READ = "task:read"
    TASK_WRITE = "task:write"


# What sensitive columns hold is not a part of reading: who may see it is said role by role.
_READS = frozenset(permission for permission in Permission if permission.endswith(":read")) - {
    Permission.SENSITIVE_READ
}
_SCIENTIST = _READS - {Permission.ACCESS_READ, Permission.AUDIT_READ} | {
    Permission.CONTRACT_ACCEPT,
    Permission.DATASET_WRITE,
    Permission.FEATURE_WRITE,
    Permission.FEEDBACK_WRITE,
    Permission.MODEL_WRITE,
    Permission.PIPELINE_RUN,
    Permission.RUN_WRITE,
    Permission.SENSITIVE_READ,
    Permission.TASK_WRITE,
}

ROLES: dict[str, frozenset[Permission]] = {
    "owner": frozenset(Permission),
    "engineer": frozenset(Permission) - {Permission.ACCESS_MANAGE},
    "scientist": frozenset(_SCIENTIST),
    "viewer": _READS - {Permission.ACCESS_READ, Permission.AUDIT_READ},
    "auditor": _READS,
    # A model server on another machine: its plan, the packages in it, and its predictions.
    "follower": frozenset({Permission.PREDICTION_WRITE, Permission.SERVING_READ}),
    "producer": frozenset(
        {
            Permission.DATASET_READ,
            Permission.DATASET_WRITE,
            Permission.FEEDBACK_WRITE,
            Permission.TASK_READ,
            Permission.TASK_WRITE,
        }
    ),
}
