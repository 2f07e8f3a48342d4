"""Room sourcing: datasets that are drawn from databases, documents, folders and topics."""
