"""Models: versions, gates, aliases.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from msgspec import UNSET, UnsetType

from bucle.base.page import Page
from bucle.interfaces.client.room import Room
from bucle.lifecycle.registry.catalog.records import ModelSheet, Notes
from bucle.lifecycle.registry.records import (
    Decision,
    GateSpec,
    Model,
    ModelHistory,
    ModelVersion,
    PackageFiles,
    RebuildReport,
    Registration,
)


class RegistryRoom(Room):
    """Models: versions, gates, aliases."""

    def models(self, *, limit: int = 50, token: str | None = None) -> Page[Model]:
        """List the models, with their gates and aliases."""
        answer: Page[Model] = self._call("registry.models", limit=limit, token=token)
        return answer

    def versions(
        self, name: str, *, limit: int = 50, token: str | None = None
    ) -> Page[ModelVersion]:
        """List the versions of a model, newest first."""
        answer: Page[ModelVersion] = self._call(
            "registry.versions", name=name, limit=limit, token=token
        )
        return answer

    def get(self, ref: str) -> ModelVersion:
        """Show one version of a model."""
        answer: ModelVersion = self._call("registry.get", ref=ref)
        return answer

    def package(self, ref: str) -> PackageFiles:
        """List the files of a version's package with their digests."""
        answer: PackageFiles = self._call("registry.package", ref=ref)
        return answer

    def history(
        self, name: str, *, at: datetime | None = None, alias: str = "champion"
    ) -> ModelHistory:
        """Say which version was champion at a moment, who decided it, and why."""
        answer: ModelHistory = self._call("registry.history", name=name, at=at, alias=alias)
        return answer

    def notes(self, ref: str) -> Notes:
        """Show the description and the tags of a model, or of one of its versions."""
        answer: Notes = self._call("registry.notes", ref=ref)
        return answer

    def register(
        self,
        name: str,
        manifest: str,
        *,
        registration: Registration | UnsetType = UNSET,
        allow_pickle: bool = False,
    ) -> ModelVersion:
        """Register an uploaded package as the next version of a model."""
        answer: ModelVersion = self._call(
            "registry.register",
            name=name,
            manifest=manifest,
            registration=registration,
            allow_pickle=allow_pickle,
        )
        return answer

    def declare_gates(self, name: str, *, gates: GateSpec) -> Model:
        """Set what a version must show before it may be promoted."""
        answer: Model = self._call("registry.declare_gates", name=name, gates=gates)
        return answer

    def judge(self, ref: str) -> Decision:
        """Measure a version against its gates and the champion."""
        answer: Decision = self._call("registry.judge", ref=ref)
        return answer

    def promote(self, ref: str, *, alias: str = "champion", reason: str = "") -> Decision:
        """Point an alias at a version that its gates accepted."""
        answer: Decision = self._call("registry.promote", ref=ref, alias=alias, reason=reason)
        return answer

    def roll_back(self, name: str, *, alias: str = "champion", reason: str = "") -> Decision:
        """Give an alias back to the version that bore it before."""
        answer: Decision = self._call("registry.roll_back", name=name, alias=alias, reason=reason)
        return answer

    def waive(self, ref: str, *, gate: str, reason: str) -> Decision:
        """Ask that a gate be waived for a version that failed it; somebody else grants it."""
        answer: Decision = self._call("registry.waive", ref=ref, gate=gate, reason=reason)
        return answer

    def grant_waiver(self, ref: str, *, gate: str, reason: str = "") -> Decision:
        """Grant a waiver that somebody else asked for."""
        answer: Decision = self._call("registry.grant_waiver", ref=ref, gate=gate, reason=reason)
        return answer

    def withdraw(self, name: str, *, alias: str = "champion", reason: str = "") -> Decision | None:
        """Take an alias away, so that no version bears it."""
        answer: Decision | None = self._call(
            "registry.withdraw", name=name, alias=alias, reason=reason
        )
        return answer

    def rename(self, name: str, new: str) -> ModelSheet:
        """Give a model another name, with its versions, aliases and decisions."""
        answer: ModelSheet = self._call("registry.rename", name=name, new=new)
        return answer

    def delete(self, name: str) -> None:
        """Delete a model with its versions; its numbers are not given again."""
        self._call("registry.delete", name=name)

    def delete_version(self, ref: str) -> None:
        """Delete a version of a model; its number is not given again."""
        self._call("registry.delete_version", ref=ref)

    def rebuild(
        self, ref: str, *, environment: Literal["clean", "this"] = "clean", repository: str = ""
    ) -> RebuildReport:
        """Train a version again from what was recorded, and compare."""
        answer: RebuildReport = self._call(
            "registry.rebuild", ref=ref, environment=environment, repository=repository
        )
        return answer

    def describe(self, ref: str, text: str) -> Notes:
        """Describe a model, or one of its versions, in words."""
        answer: Notes = self._call("registry.describe", ref=ref, text=text)
        return answer

    def set_tags(self, ref: str, *, tags: Mapping[str, str]) -> Notes:
        """Set tags of a model, or of one of its versions; others stay."""
        answer: Notes = self._call("registry.set_tags", ref=ref, tags=tags)
        return answer

    def untag(self, ref: str, key: str) -> Notes:
        """Remove a tag of a model, or of one of its versions."""
        answer: Notes = self._call("registry.untag", ref=ref, key=key)
        return answer
