"""What an earlier release sent, answered and kept, for the present one to take."""
