"""A shop that sends receipts, and sees which of their links were opened."""
