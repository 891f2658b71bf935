"""The landing zone: delivered files in a folder or a bucket."""
