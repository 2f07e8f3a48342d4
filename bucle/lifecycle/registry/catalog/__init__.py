"""Sub-room catalog: what is said of models and versions, and versions that others made."""

from typing import TYPE_CHECKING

from bucle.base.lazy import open_by_name

if TYPE_CHECKING:
    from bucle.lifecycle.registry.catalog.adopt import (
        AdoptedAliases,
        AdoptedModel,
        AdoptedVersion,
        adopt_aliases,
        adopt_model,
        adopt_version,
    )
    from bucle.lifecycle.registry.catalog.change import (
        create_model,
        delete_model,
        delete_version,
        describe_model,
        describe_version,
        keep_found,
        rename_model,
        tag_model,
        tag_version,
        untag_model,
        untag_version,
    )
    from bucle.lifecycle.registry.catalog.create import create_version
    from bucle.lifecycle.registry.catalog.notes import describe, get_notes, tag, untag
    from bucle.lifecycle.registry.catalog.publish import (
        download_place,
        find_package_file,
        list_package_folder,
    )
    from bucle.lifecycle.registry.catalog.read import (
        get_model_sheet,
        get_version_sheet,
        latest_versions,
        registrations_of,
        search_models,
        search_versions,
    )
    from bucle.lifecycle.registry.catalog.records import (
        STAGES,
        CatalogQuery,
        ForeignVersion,
        ModelSheet,
        Notes,
        Stage,
        VersionSheet,
    )
    from bucle.lifecycle.registry.catalog.stage import set_stage
else:
    open_by_name(__name__, {
        "adopt": (
            "AdoptedAliases AdoptedModel AdoptedVersion adopt_aliases adopt_model adopt_version"
        ),
        "change": (
            "create_model delete_model delete_version describe_model describe_version "
            "keep_found rename_model tag_model tag_version untag_model untag_version"
        ),
        "create": "create_version",
        "notes": "describe get_notes tag untag",
        "publish": "download_place find_package_file list_package_folder",
        "read": (
            "get_model_sheet get_version_sheet latest_versions registrations_of search_models "
            "search_versions"
        ),
        "records": "STAGES CatalogQuery ForeignVersion ModelSheet Notes Stage VersionSheet",
        "stage": "set_stage",
    })  # fmt: skip

__all__ = [
    "STAGES",
    "AdoptedAliases",
    "AdoptedModel",
    "AdoptedVersion",
    "CatalogQuery",
    "ForeignVersion",
    "ModelSheet",
    "Notes",
    "Stage",
    "VersionSheet",
    "adopt_aliases",
    "adopt_model",
    "adopt_version",
    "create_model",
    "create_version",
    "delete_model",
    "delete_version",
    "describe",
    "describe_model",
    "describe_version",
    "download_place",
    "find_package_file",
    "get_model_sheet",
    "get_notes",
    "get_version_sheet",
    "keep_found",
    "latest_versions",
    "list_package_folder",
    "registrations_of",
    "rename_model",
    "search_models",
    "search_versions",
    "set_stage",
    "tag",
    "tag_model",
    "tag_version",
    "untag",
    "untag_model",
    "untag_version",
]
