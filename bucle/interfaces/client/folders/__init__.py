"""Folders of this machine: committed as a version of files, and written from one."""
