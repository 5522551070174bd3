"""What the stages say to people: pages and tables as text, made of values, with every claim cited."""
