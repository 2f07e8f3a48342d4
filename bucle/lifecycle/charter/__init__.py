"""Room charter: the business problem of a project, and when to stop."""
