"""What a number is made of: what differs between two evaluations, and how much of the difference each part makes."""
