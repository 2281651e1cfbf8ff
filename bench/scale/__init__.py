"""What ten million pages a day take: costs measured here, and a simulation of a day with them."""
