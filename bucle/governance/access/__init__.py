"""Room access: who may do what: principals, roles, grants, tokens."""
