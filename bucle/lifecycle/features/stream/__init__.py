"""The state of a stream: features that each event brings up to date."""
