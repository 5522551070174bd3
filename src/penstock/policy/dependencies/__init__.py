"""What files say of the packages that a project's programs need, and what their locks make of it."""
