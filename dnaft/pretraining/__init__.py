"""Language models from the letters of a genome: examples, objectives, training, yardsticks."""
