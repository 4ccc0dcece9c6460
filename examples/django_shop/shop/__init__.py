"""A shop that sends receipts and stores the clicks on their links."""
