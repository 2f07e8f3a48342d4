"""Read a package from a folder, and see who signed it.

The folder is what `bucle registry export` writes: `bucle-model.json` (the manifest), its files
beside it, `bucle-model.sig` (the signature), `signing.pub` (the key that made it) and
`bucle-model.name` (which version it is).  A key that lies beside what it signed proves that the
folder is whole, and not who made it: for that, the key has to come from elsewhere.
"""

from pathlib import Path

import msgspec

from bucle.base.codec import decode
from bucle.base.digest import digest_bytes, digest_file
from bucle.base.errors import Invalid, NotFound, Refused, Unavailable
from bucle.base.refs import Ref
from bucle.governance.keys import verify
from bucle.interfaces.predict.standalone.unsigned import Drafted, draft_of
from bucle.lifecycle.registry.folders import SIGNATURE_FILE
from bucle.lifecycle.registry.load import statement
from bucle.lifecycle.registry.records import MANIFEST_FILE, Manifest

KEY_FILE = "signing.pub"
NAME_FILE = "bucle-model.name"  # one line: model:churn@3, and the deployment's name if it has one


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """A package that may be served: every file has its digest."""

    model: Ref  # with its version
    name: str  # of the deployment: under which it is served
    manifest: bytes
    target: str
    files: dict[str, bytes | Path]  # by digest
    signed_by: str = ""  # the public key, hexadecimal; "": nobody signed it
    trusted: bool = False  # whether that key came from elsewhere than the folder


def read_packed(path: Path, *, public_hex: str = "", allow_unsigned: bool = False) -> Packed:
    """Return the package in a folder, or of a single file.

    Args:
        path: what `bucle registry export` wrote, what MLflow saved, or an .onnx, .ubj, .json
            (XGBoost) or .txt (LightGBM) file.
        public_hex: the key that must have signed it; "": the one that lies beside it will do.
        allow_unsigned: whether what nobody signed is taken.

    Raises:
        NotFound: there is no model.
        Refused: it is not signed, a file was changed, or the signature is not that key's.
        Invalid: it can not be read as a model.
    """
    if not path.exists():
        raise NotFound(f"there is nothing at {path}", hint="bucle registry models")
    if (path / MANIFEST_FILE).is_file():
        return _read_package(path, public_hex, allow_unsigned=allow_unsigned)
    if not allow_unsigned or public_hex:
        raise Refused(
            f"nobody signed {path}",
            hint=f"register it and export it, or: bucle serve {path} --allow-unsigned",
        )
    return _of_draft(path, draft_of(path))


def key_beside(folder: Path) -> str:
    """Return the public key that lies in a package's folder; "": there is none."""
    return _line(folder / KEY_FILE)


def _read_package(folder: Path, public_hex: str, *, allow_unsigned: bool) -> Packed:
    content = _read(folder / MANIFEST_FILE)
    digest = digest_bytes(content)
    key, signature = public_hex or _line(folder / KEY_FILE), _line(folder / SIGNATURE_FILE)
    if signature and key and not verify(key, statement(digest), signature):
        raise Refused(
            f"the package in {folder} was changed, or is not signed by the key {key[:12]}",
            hint="export it again: bucle registry export <model>@<version> <folder>",
        )
    if not (signature and key) and not allow_unsigned:
        missing = KEY_FILE if signature else SIGNATURE_FILE
        raise Refused(
            f"nobody signed the package in {folder}: {missing} is missing",
            hint=f"bucle serve {folder} --allow-unsigned, if you trust whoever made it",
        )
    try:
        manifest = decode(content, Manifest)
    except Invalid as error:
        raise Refused(f"{folder / MANIFEST_FILE} is no manifest: {error.message}") from error
    files: dict[str, bytes | Path] = {}
    for name, file in manifest.files.items():
        path = folder / _plain_name(name)
        if not path.is_file():
            raise Refused(f"the file {name!r} of the package is missing", hint=f"put it at {path}")
        if digest_file(path) != file.digest:
            raise Refused(
                f"the file {name!r} of the package was changed after it was packed",
                hint="export it again: bucle registry export <model>@<version> <folder>",
            )
        files[file.digest] = path
    model, name = _names_of(folder)
    return Packed(
        model=model,
        name=name,
        manifest=content,
        target=manifest.target,
        files=files,
        signed_by=key if signature else "",
        trusted=bool(signature and public_hex),
    )


def _of_draft(path: Path, draft: Drafted) -> Packed:
    return Packed(
        model=Ref("model", _name_of(path), "1"),
        name=_name_of(path),
        manifest=draft.manifest,
        target="",
        files=draft.files,
    )


def _names_of(folder: Path) -> tuple[Ref, str]:
    """Return which version it is, and the name under which it is served."""
    told, _, name = _line(folder / NAME_FILE).partition(" ")
    if not told:
        return Ref("model", _name_of(folder), "1"), _name_of(folder)
    ref = Ref.parse(told, kind="model")
    return (ref if ref.version else ref.at("1")), name.strip() or ref.name


def _name_of(path: Path) -> str:
    name = path.resolve().name
    return name.partition(".")[0].replace("@", "-") or "model"


def _plain_name(name: str) -> str:
    if Path(name).name != name:
        raise Refused(f"a package has no file {name!r}: its files lie side by side")
    return name


def _line(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unavailable(f"{path} can not be read: {error.strerror}") from error
