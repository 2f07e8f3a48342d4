"""`python -m bucle`: the command line, where the `bucle` program is not on the path."""

from bucle.interfaces.cli.main import main

if __name__ == "__main__":
    main()
