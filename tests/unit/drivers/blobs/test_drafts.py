import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bucle.base.digest import digest_bytes
from bucle.base.errors import Refused
from bucle.drivers.blobs import BlobStore, open_blobs
from bucle.drivers.blobs.content import SoundContent, content_key, read_content, store_draft
from bucle.drivers.blobs.drafts import open_draft, sweep_drafts

WRITE_AND_WAIT = """
import sys
from pathlib import Path
from bucle.drivers.blobs.drafts import open_draft
with open_draft(Path(sys.argv[1])) as draft:
    draft.write(b"half")
    print("written", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return open_blobs(f"file://{tmp_path / 'blobs'}")


def test_a_draft_knows_its_digest_and_size_without_being_read(tmp_path):
    with open_draft(tmp_path) as draft:
        draft.write(b"one ")
        draft.write(bytearray(b"two"))
        assert (draft.digest, draft.size_bytes) == (digest_bytes(b"one two"), 7)


def test_a_draft_that_is_not_kept_leaves_nothing(tmp_path):
    def fail():
        with open_draft(tmp_path) as draft:
            draft.write(b"half")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_draft_becomes_content_without_a_copy(blobs):
    folder = blobs.incoming_path
    with open_draft(folder) as draft:
        draft.write(b"content")
        inode = draft.path.stat().st_ino
        store_draft(blobs, draft.path, draft.digest)
    assert read_content(blobs, draft.digest) == b"content"
    assert blobs.local_path(content_key(draft.digest)).stat().st_ino == inode
    assert list(folder.iterdir()) == []


def test_content_that_is_there_already_takes_the_draft_away(blobs):
    for _ in range(2):
        with open_draft(blobs.incoming_path) as draft:
            draft.write(b"content")
            store_draft(blobs, draft.path, draft.digest)
    assert len(list(blobs.list())) == 1
    assert list(blobs.incoming_path.iterdir()) == []


def test_a_sweep_leaves_what_is_being_written(tmp_path):
    with open_draft(tmp_path) as draft:
        assert sweep_drafts(tmp_path) == 0
        draft.write(b"more")
        assert draft.path.exists()


def test_what_a_killed_writer_left_is_removed_when_the_store_is_opened(blobs, tmp_path):
    folder = blobs.incoming_path
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_WAIT, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    writer.stdout.readline()
    open_blobs(blobs.url)
    assert [path.read_bytes() for path in folder.iterdir()] == [b"half"]
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()
    assert len(list(folder.iterdir())) == 1
    open_blobs(blobs.url)
    assert list(folder.iterdir()) == []


def test_sound_content_is_read_again_when_its_file_was_touched(blobs, tmp_path):
    with open_draft(blobs.incoming_path) as draft:
        draft.write(b"content")
        store_draft(blobs, draft.path, draft.digest)
    sound = SoundContent()
    for _ in range(2):
        path = sound.path(blobs, draft.digest, tmp_path)
        assert path.read_bytes() == b"content"
    path.write_bytes(b"changed")
    with pytest.raises(Refused, match="is not what was stored"):
        sound.path(blobs, draft.digest, tmp_path)
