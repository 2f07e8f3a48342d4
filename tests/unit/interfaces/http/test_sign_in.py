import pytest

from bucle.interfaces.http.sign_in import local_path


@pytest.mark.parametrize(
    ("asked", "goes_to"),
    [
        ("/projects/bikes?tab=runs", "/projects/bikes?tab=runs"),
        ("https://elsewhere.example/", "/"),
        ("//elsewhere.example/", "/"),
        ("/\\elsewhere.example/", "/"),
        ("/a\r\nset-cookie: x=y", "/"),
        ("", "/"),
    ],
)
def test_after_signing_in_a_browser_stays_at_this_server(asked, goes_to) -> None:
    assert local_path(asked) == goes_to
