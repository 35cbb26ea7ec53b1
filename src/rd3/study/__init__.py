"""Strings the stages together: specs -> plan -> jobs -> store -> records -> ranking."""
