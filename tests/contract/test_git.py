import pytest

from bucle.drivers import git as git_program
from bucle.testing.contracts.git import Git, GitContract


class TestGitProgram(GitContract):
    @pytest.fixture
    def git(self) -> Git:
        return git_program
