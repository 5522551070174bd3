"""What the engine needs from the outside, each port beside the values it speaks in."""
