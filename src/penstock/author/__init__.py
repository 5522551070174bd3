"""The deterministic author: a story and the facts about its sources to the files of a pipeline."""
