"""Floor 3: one room per stage of the loop; each holds its records, its SQL and its verbs."""
