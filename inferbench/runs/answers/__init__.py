"""What a run answers: costs, conclusions, fleets, and what would change them."""
