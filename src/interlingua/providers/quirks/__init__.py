"""What single hosts do differently inside a dialect: pure functions on decoded JSON, one module per host."""
