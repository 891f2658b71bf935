"""What is served: one declaration and one SQL file per mart."""
