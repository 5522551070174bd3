"""Guesses which columns hold personal data: by the words of their names, and by what their values look like."""

from penstock.quality.personal.judging import PersonalGuess, guess_personal

__all__ = ["PersonalGuess", "guess_personal"]
