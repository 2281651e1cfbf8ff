"""What counts as right: one definition a model, summed over pages."""
