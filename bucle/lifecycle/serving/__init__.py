"""Room serving: deployments, canaries, the plan that model servers follow, the prediction log."""

from typing import TYPE_CHECKING

from bucle.base.lazy import open_by_name

if TYPE_CHECKING:
    from bucle.lifecycle.serving.canary import (
        abort_canary,
        advance_canary,
        finish_canary,
        start_canary,
    )
    from bucle.lifecycle.serving.collected import collect_segment, keep_segment
    from bucle.lifecycle.serving.deploy import check_spec, deploy, keep_deployment_found
    from bucle.lifecycle.serving.judge import conclude, judge_canary
    from bucle.lifecycle.serving.plan import current_plan, is_published, publish
    from bucle.lifecycle.serving.predictions import (
        explain_origin,
        find_prediction,
        read_predictions,
    )
    from bucle.lifecycle.serving.read import (
        find_deployment,
        get_deployment,
        history,
        list_deployments,
    )
    from bucle.lifecycle.serving.records import (
        CANARY,
        CHAMPION,
        RETIRED,
        Deployment,
        DeploymentSpec,
        Objectives,
        PlannedDeployment,
        PlannedToken,
        Prediction,
        PublishedPlan,
        Rollout,
        RolloutState,
        ServingPlan,
        Variant,
        VariantStats,
    )
    from bucle.lifecycle.serving.retire import retire
    from bucle.lifecycle.serving.sealed import (
        is_loopback,
        open_sealed,
        plan_key,
        project_of,
        published_projects,
    )
    from bucle.lifecycle.serving.serve import roll_back, serve_version
    from bucle.lifecycle.serving.stats import rollout_stats
    from bucle.lifecycle.serving.views import views_in_use
else:
    open_by_name(__name__, {
        "canary": "abort_canary advance_canary finish_canary start_canary",
        "collected": "collect_segment keep_segment",
        "deploy": "check_spec deploy keep_deployment_found",
        "judge": "conclude judge_canary",
        "plan": "current_plan is_published publish",
        "predictions": "explain_origin find_prediction read_predictions",
        "read": "find_deployment get_deployment history list_deployments",
        "records": (
            "CANARY CHAMPION RETIRED Deployment DeploymentSpec Objectives PlannedDeployment "
            "PlannedToken Prediction PublishedPlan Rollout RolloutState ServingPlan Variant "
            "VariantStats"
        ),
        "retire": "retire",
        "sealed": "is_loopback open_sealed plan_key project_of published_projects",
        "serve": "roll_back serve_version",
        "stats": "rollout_stats",
        "views": "views_in_use",
    })  # fmt: skip

__all__ = [
    "CANARY",
    "CHAMPION",
    "RETIRED",
    "Deployment",
    "DeploymentSpec",
    "Objectives",
    "PlannedDeployment",
    "PlannedToken",
    "Prediction",
    "PublishedPlan",
    "Rollout",
    "RolloutState",
    "ServingPlan",
    "Variant",
    "VariantStats",
    "abort_canary",
    "advance_canary",
    "check_spec",
    "collect_segment",
    "conclude",
    "current_plan",
    "deploy",
    "explain_origin",
    "find_deployment",
    "find_prediction",
    "finish_canary",
    "get_deployment",
    "history",
    "is_loopback",
    "is_published",
    "judge_canary",
    "keep_deployment_found",
    "keep_segment",
    "list_deployments",
    "open_sealed",
    "plan_key",
    "project_of",
    "publish",
    "published_projects",
    "read_predictions",
    "retire",
    "roll_back",
    "rollout_stats",
    "serve_version",
    "start_canary",
    "views_in_use",
]
