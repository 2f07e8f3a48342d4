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
    from bucle.lifecycle.serving.compare import Comparison, compare, judge_shadow
    from bucle.lifecycle.serving.decide_trial import Entrant, decide_trial
    from bucle.lifecycle.serving.declared import (
        BatchPolicy,
        Fallback,
        PlannedFallback,
        RolloutGates,
        Trial,
    )
    from bucle.lifecycle.serving.deploy import check_spec, deploy, keep_deployment_found
    from bucle.lifecycle.serving.judge import conclude, judge_canary, judge_health
    from bucle.lifecycle.serving.kill import kill, restore
    from bucle.lifecycle.serving.logged import LogPolicy, PlannedLog
    from bucle.lifecycle.serving.outcomes import is_higher_better
    from bucle.lifecycle.serving.plan import current_plan, publish
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
        CHALLENGER,
        CHAMPION,
        FALLBACK,
        RETIRED,
        SHADOW,
        Deployment,
        DeploymentSpec,
        Killed,
        Objectives,
        PlannedDeployment,
        PlannedToken,
        Prediction,
        PublishedPlan,
        Rollout,
        RolloutState,
        ServingPlan,
        ShadowState,
        Variant,
        VariantStats,
        Watch,
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
    from bucle.lifecycle.serving.shadowing import shadow_of, start_shadow, stop_shadow
    from bucle.lifecycle.serving.stats import Window, rollout_stats, variant_outcomes, variant_stats
    from bucle.lifecycle.serving.trials import challengers, reweigh, start_trial, stop_trial
    from bucle.lifecycle.serving.views import views_in_use
else:
    open_by_name(__name__, {
        "canary": "abort_canary advance_canary finish_canary start_canary",
        "deploy": "check_spec deploy keep_deployment_found",
        "judge": "conclude judge_canary judge_health",
        "logged": "LogPolicy PlannedLog",
        "plan": "current_plan publish",
        "predictions": "explain_origin find_prediction read_predictions",
        "read": "find_deployment get_deployment history list_deployments",
        "records": (
            "CANARY CHALLENGER CHAMPION FALLBACK RETIRED SHADOW Deployment DeploymentSpec Killed "
            "Objectives PlannedDeployment PlannedToken Prediction PublishedPlan Rollout "
            "RolloutState ServingPlan ShadowState Variant VariantStats Watch"
        ),
        "retire": "retire",
        "sealed": "is_loopback open_sealed plan_key project_of published_projects",
        "serve": "roll_back serve_version",
        "stats": "Window rollout_stats variant_outcomes variant_stats",
        "views": "views_in_use",
        "decide_trial": "Entrant decide_trial",
        "compare": "Comparison compare judge_shadow",
        "declared": "BatchPolicy Fallback PlannedFallback RolloutGates Trial",
        "kill": "kill restore",
        "outcomes": "is_higher_better",
        "shadowing": "shadow_of start_shadow stop_shadow",
        "trials": "challengers reweigh start_trial stop_trial",
    })  # fmt: skip

__all__ = [
    "CANARY",
    "CHALLENGER",
    "CHAMPION",
    "FALLBACK",
    "RETIRED",
    "SHADOW",
    "BatchPolicy",
    "Comparison",
    "Deployment",
    "DeploymentSpec",
    "Entrant",
    "Fallback",
    "Killed",
    "LogPolicy",
    "Objectives",
    "PlannedDeployment",
    "PlannedFallback",
    "PlannedLog",
    "PlannedToken",
    "Prediction",
    "PublishedPlan",
    "Rollout",
    "RolloutGates",
    "RolloutState",
    "ServingPlan",
    "ShadowState",
    "Trial",
    "Variant",
    "VariantStats",
    "Watch",
    "Window",
    "abort_canary",
    "advance_canary",
    "challengers",
    "check_spec",
    "compare",
    "conclude",
    "current_plan",
    "decide_trial",
    "deploy",
    "explain_origin",
    "find_deployment",
    "find_prediction",
    "finish_canary",
    "get_deployment",
    "history",
    "is_higher_better",
    "is_loopback",
    "judge_canary",
    "judge_health",
    "judge_shadow",
    "keep_deployment_found",
    "kill",
    "list_deployments",
    "open_sealed",
    "plan_key",
    "project_of",
    "publish",
    "published_projects",
    "read_predictions",
    "restore",
    "retire",
    "reweigh",
    "roll_back",
    "rollout_stats",
    "serve_version",
    "shadow_of",
    "start_canary",
    "start_shadow",
    "start_trial",
    "stop_shadow",
    "stop_trial",
    "variant_outcomes",
    "variant_stats",
    "views_in_use",
]
