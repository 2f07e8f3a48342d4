"""What the tests need from outside: servers, a browser, shared data sets."""
