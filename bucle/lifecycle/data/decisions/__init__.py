"""Go, conditional or no-go: what a person decided on data, signed, dated and for ever."""
