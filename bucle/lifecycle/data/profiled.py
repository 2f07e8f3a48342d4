"""The profile of a version: made when somebody first asks for it, and kept.

A commit does not wait for it.  As a version never changes, neither does its profile: it lies in
the content store, under a digest that is kept under the digest of the version.
"""

from bucle.base.codec import canonical_json, decode
from bucle.base.errors import NotFound
from bucle.base.refs import Ref
from bucle.drivers.blobs.content import read_content, store_bytes
from bucle.governance.session import Session
from bucle.lifecycle.data.profile import profile_table
from bucle.lifecycle.data.read import get_version, rows_of
from bucle.lifecycle.data.records import DatasetVersion, Profile


def get_profile(session: Session, ref: Ref | str | DatasetVersion) -> Profile:
    """Return the profile of a version; the first to ask waits until it is made.

    Raises:
        NotFound: no such version.
        Refused: a file is no longer what was committed; its digest is named.
    """
    version = ref if isinstance(ref, DatasetVersion) else _got(session, ref)
    blobs = session.drivers.blobs
    if version.profile:
        return decode(read_content(blobs, version.profile), Profile)
    key = f"profiles/{version.digest}"
    try:
        return decode(read_content(blobs, blobs.get(key).decode()), Profile)
    except NotFound:
        made = profile_table(session.drivers.engine, rows_of(session.drivers, version.files))
    blobs.put(key, store_bytes(blobs, canonical_json(made)).encode())
    return made


def _got(session: Session, ref: Ref | str) -> DatasetVersion:
    with session.begin(write=False) as scope:
        return get_version(scope, ref)
