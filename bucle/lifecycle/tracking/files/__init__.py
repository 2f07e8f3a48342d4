"""The files of runs, logged models and traces: paths over the content store."""

from bucle.lifecycle.tracking.files.keep import keep_file, put_file
from bucle.lifecycle.tracking.files.paths import checked_folder, checked_path
from bucle.lifecycle.tracking.files.read import find_file, get_file, list_files, list_folder
from bucle.lifecycle.tracking.files.records import Entry, File
from bucle.lifecycle.tracking.files.remove import remove_files, remove_files_of

__all__ = [
    "Entry",
    "File",
    "checked_folder",
    "checked_path",
    "find_file",
    "get_file",
    "keep_file",
    "list_files",
    "list_folder",
    "put_file",
    "remove_files",
    "remove_files_of",
]
