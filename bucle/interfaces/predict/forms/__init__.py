"""The shapes in which plain rows come and answers go back: no model, no network."""
