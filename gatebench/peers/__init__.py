"""What other tools say of the cases: the changed project written as theirs, with the same tests, and built by them."""
