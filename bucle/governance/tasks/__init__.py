"""Room tasks: what somebody has to do, opened by whoever finds it and closed when it is done."""
